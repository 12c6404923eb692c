import { concatBytes, equalBytes, parseHex, toHex } from "@bauta/protocol";
import { sha256 } from "../x509/ecdsa.ts";
import { orFault, quotedName, validityFaults } from "../x509/issued.ts";
import { CertificateError, KEY_USAGE } from "../x509/x509.ts";
import { isSignedBy, type NrasCertificate, parseNrasCertificate } from "./nras-certificate.ts";
import type { NrasKey } from "./nras-key-set.ts";

/**
 * NVIDIA publishes no root for NRAS, and its key sets end one below ("NVIDIA Attestation Service CA 001"). So the authority
 * that is in each chain is pinned, by the SHA-256 of its certificate: "NVIDIA Attestation Service GPU Intermediate 004",
 * valid until 2029-12-08. Once NVIDIA replaces it, tokens need the new one here, or `keySetFromNvidia`.
 */
const NVIDIA_AUTHORITIES: ReadonlySet<string> = new Set(["2df8907cf4d6c277b855d407ec178a649930a8e73f7294e8fce66e6ee27c5175"]);

const MAX_NAMED_ROOTS = 16;
/** SubjectPublicKeyInfo of a P-384 key up to its point. @see RFC 5480 §2 */
const P384_KEY_INFO = parseHex("3076301006072a8648ce3d020106052b81040022036200", 32) ?? new Uint8Array();

/** Whose word a key is taken on: NVIDIA's pinned authority, a root that the caller named, or nobody's. */
export type NrasAnchor = "nvidia" | "named" | "none";

export interface NrasTrust {
  /** DER of certificates to trust beside NVIDIA's: simulators'. */
  readonly roots?: readonly Uint8Array[];
  /**
   * Insecure unless the caller itself fetched the key set from NVIDIA over TLS: takes keys that no pinned authority certified.
   */
  readonly keySetFromNvidia?: boolean;
  readonly nowMs: number;
}

/** What is wrong with a key, as clauses, and whose word it is taken on. */
export interface SignerFinding {
  readonly anchor: NrasAnchor;
  readonly faults: readonly string[];
}

/**
 * Verifies the certificates of a key up to the first trusted one: names, roles, validity, signatures.
 * @throws CertificateError when a root that the caller named cannot be read
 * @see RFC 7517 §4.7, RFC 5280 §6.1
 */
export async function verifyNrasSigner({ publicKey, chain }: NrasKey, trust: NrasTrust): Promise<SignerFinding> {
  const named = (trust.roots ?? []).slice(0, MAX_NAMED_ROOTS).map(parseNrasCertificate);
  const read = orFault(CertificateError, () => chain.map(parseNrasCertificate));
  if (typeof read === "string") return { anchor: "none", faults: [`the key's certificates cannot be read: ${read}`] };
  const [leaf] = read;
  if (!leaf) return unanchored(trust, "the key set has no certificates for the key");
  if (!equalBytes(leaf.keyInfo, concatBytes(P384_KEY_INFO, publicKey))) {
    return { anchor: "none", faults: [`${quotedName(leaf.commonName)} is a certificate of another key`] };
  }
  const { path, anchor } = await findPath(read, named);
  const faults = [...leafFaults(leaf), ...pathFaults(path), ...path.flatMap((certificate) => dateFaults(certificate, trust.nowMs))];
  if (anchor === "none") {
    const { faults: more } = unanchored(trust, `no trusted authority is among the issuers of ${quotedName(leaf.commonName)}`);
    return { anchor, faults: [...faults, ...more] };
  }
  // Keys of others than the anchor are used only once they are proven, and nobody's at all where there is no anchor.
  return { anchor, faults: faults.length > 0 ? faults : await signatureFaults(path) };
}

function unanchored({ keySetFromNvidia }: NrasTrust, problem: string): SignerFinding {
  return { anchor: "none", faults: keySetFromNvidia ? [] : [problem] };
}

interface Path {
  /** Leaf first, and the anchor last where there is one. */
  readonly path: readonly NrasCertificate[];
  readonly anchor: NrasAnchor;
}

/** Follows the chain to the first authority that is trusted; a named root may also stand behind its end. */
async function findPath(chain: readonly NrasCertificate[], named: readonly NrasCertificate[]): Promise<Path> {
  for (const [index, certificate] of chain.entries()) {
    // The leaf holds the key in question, and is nobody's authority.
    if (index === 0) continue;
    const path = chain.slice(0, index + 1);
    if (NVIDIA_AUTHORITIES.has(toHex(await sha256(certificate.der)))) return { path, anchor: "nvidia" };
    if (named.some(({ der }) => equalBytes(der, certificate.der))) return { path, anchor: "named" };
  }
  const root = named.find(({ subject }) => equalBytes(subject, chain.at(-1)?.issuer ?? new Uint8Array()));
  return root ? { path: [...chain, root], anchor: "named" } : { path: chain, anchor: "none" };
}

function leafFaults({ commonName, isCa, keyUsage = 0 }: NrasCertificate): string[] {
  const ok = !isCa && (keyUsage & KEY_USAGE.digitalSignature) !== 0;
  return ok ? [] : [`${quotedName(commonName)} is not a certificate for signing data`];
}

function pathFaults([leaf, ...authorities]: readonly NrasCertificate[]): string[] {
  return authorities.flatMap((authority, index) => {
    const name = quotedName(authority.commonName);
    const issued = index === 0 ? leaf : authorities[index - 1];
    const may = authority.isCa && ((authority.keyUsage ?? 0) & KEY_USAGE.certificateSign) !== 0;
    return [
      ...(may ? [] : [`${name} may not sign certificates`]),
      ...(authority.pathLength !== undefined && authority.pathLength < index ? [`${name} allows too short a path`] : []),
      ...(issued && equalBytes(issued.issuer, authority.subject) ? [] : [`${name} is not who its certificates name as their issuer`]),
    ];
  });
}

function dateFaults({ commonName, notBeforeMs, notAfterMs }: NrasCertificate, nowMs: number): string[] {
  return validityFaults({ what: quotedName(commonName), fromMs: notBeforeMs, untilMs: notAfterMs }, nowMs);
}

/** From the anchor down, and no further than to the first that does not hold. */
async function signatureFaults(path: readonly NrasCertificate[]): Promise<string[]> {
  for (let index = path.length - 1; index > 0; index--) {
    const [authority, issued] = [path[index], path[index - 1]];
    if (!authority || !issued || !(await isSignedBy(issued, authority))) {
      return [`the signature of ${quotedName(issued?.commonName ?? "")} is not by the key of ${quotedName(authority?.commonName ?? "")}`];
    }
  }
  return [];
}
