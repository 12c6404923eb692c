import { orFault } from "../x509/issued.ts";
import type { Certificate } from "../x509/x509.ts";
import { type CertificatePool, createCertificatePool } from "./certificate-path.ts";
import { verifyRimChain } from "./rim-chain.ts";
import { parseRim, type Rim } from "./rim-measurements.ts";
import { parseXml } from "./xml.ts";
import { XmlError } from "./xml-element.ts";
import { openSignedXml, signatureFaults, type SignedXml } from "./xml-signature.ts";

/** What came out of verifying a reference integrity manifest. */
export interface RimResult {
  /** All that is wrong, as clauses about the manifest; it counts only when there is nothing. */
  readonly faults: readonly string[];
  /** What the manifest says, read from what the signature covers; only without faults. */
  readonly rim?: Rim;
  /** What it says that it is about, proven or not: to be named in a sentence. */
  readonly about?: Pick<Rim, "kind" | "version" | "product" | "edition">;
  /** As the document holds them, signer first, for revocation. */
  readonly certificates: readonly Certificate[];
  /** The trusted root that the chain ends in: whose word it is. */
  readonly root?: Certificate;
}

export interface RimTrust {
  readonly nowMs: number;
  /** Roots for manifests: NVIDIA's first, then those that the caller named. */
  readonly roots: readonly Certificate[];
  /** What manifests share is read and verified once for all that are given the same one. */
  readonly pool?: CertificatePool;
}

/**
 * Verifies one of NVIDIA's reference integrity manifests: a SWID tag, with an enveloped signature by a certificate that
 * leads to a trusted root and is valid at `nowMs`. Revocation is not looked at.
 * @param xml the text as served; nothing about it is assumed
 * @see TCG Reference Integrity Manifest Information Model 1.01, NVIDIA RIM service
 */
export async function verifyRim(xml: string, { nowMs, roots, pool = createCertificatePool() }: RimTrust): Promise<RimResult> {
  if (!Number.isFinite(nowMs)) throw new RangeError("nowMs is not a time");

  // 1. One document, one signature, and what that covers.
  const document = orFault(XmlError, () => readDocument(xml));
  if (typeof document === "string") return { faults: [document], certificates: [] };
  const { signed, rim } = document;
  const { measurements: _, ...about } = rim;

  // 2. The certificates lead to a root.
  const chain = await verifyRimChain(signed.certificates, roots, nowMs, pool);
  const { certificates } = chain;
  const [signer] = certificates;
  if (!signer) return { faults: chain.faults, about, certificates };

  // 3. The first of them signed it.
  const faults = [...(await signatureFaults(signed, signer.publicKey)), ...chain.faults];
  return { faults, about, certificates, ...(chain.root && { root: chain.root }), ...(faults.length === 0 && { rim }) };
}

/** What a manifest says that it is about, as {@link RimResult.about}; undefined when it cannot be read. Unverified. */
export function readRimSubject(xml: string): RimResult["about"] {
  const document = orFault(XmlError, () => readDocument(xml));
  return typeof document === "string" ? undefined : document.rim;
}

/** The signed part and what it says: of one tree, without the signature. */
function readDocument(xml: string): { readonly signed: SignedXml; readonly rim: Rim } {
  const signed = openSignedXml(parseXml(xml));
  return { signed, rim: parseRim(signed.content) };
}
