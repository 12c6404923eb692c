import { toHex, utf8 } from "@bauta/protocol";
import { sha256 } from "../x509/ecdsa.ts";
import { orFault, validityFaults } from "../x509/issued.ts";
import { CLOCK_SKEW_MS } from "./clock-skew.ts";
import { type Claims, isObject, type JsonWebToken, parseToken, TokenError } from "./json-web-token.ts";
import { type NrasAnswer, parseNrasAnswer } from "./nras-answer.ts";
import { asClaimsVersion, gpuClaimFaults, type NrasClaimsVersion, type NrasGpu, readNrasGpu } from "./nras-claims.ts";
import { findNrasKey } from "./nras-key-set.ts";
import { type NrasAnchor, type NrasTrust, type SignerFinding, verifyNrasSigner } from "./nras-signer.ts";
import { verifyP384 } from "./p384.ts";

export const NRAS_ISSUER = "https://nras.attestation.nvidia.com";
const SUBJECT = "NVIDIA-PLATFORM-ATTESTATION";
const GPU_NAME = /^GPU-\d{1,3}$/;
/** A NumericDate beyond this is no date. @see ECMA-262 §21.4.1.1 */
const MAX_DATE_SECONDS = 8.64e12;

export interface NrasQuestion extends NrasTrust {
  /** What the GPUs were asked to sign, 32 bytes. */
  readonly nonce: Uint8Array;
  /** Who has to have issued the tokens; {@link NRAS_ISSUER} unless given. */
  readonly issuer?: string;
}

/** NVIDIA's second opinion, as far as it is proven. */
export interface NrasResult {
  readonly ok: boolean;
  /** Clauses: what is wrong with the tokens, or what NRAS has against the GPUs. */
  readonly reasons: readonly string[];
  /** NRAS's own verdict; undefined where it is not proven to be NRAS's. */
  readonly overall?: boolean;
  readonly version?: NrasClaimsVersion;
  /** Only those whose token is proven to be NRAS's. They are the verifier's GPUs only if their serial numbers are the evidence's. */
  readonly gpus: readonly NrasGpu[];
  /** The weakest among the signers of the tokens. */
  readonly anchor: NrasAnchor;
  /** When the first token ends. */
  readonly expiresMs?: number;
}

/** What one token is held against, and who vouches for its key. */
interface Checked {
  readonly faults: readonly string[];
  readonly anchor: NrasAnchor;
}

/**
 * Verifies an answer of NVIDIA's Remote Attestation Service: each token's signature and signer, the digests by which the
 * overall token holds the others, issuer, nonce and dates, then what the claims say.
 * @param answer the JSON of `/v3/attest/gpu` or `/v4/attest/gpu`, parsed
 * @param keySet the JSON of `/.well-known/jwks.json`, parsed
 * @throws CertificateError when a root that the caller named cannot be read
 * @see RFC 9711 §4.1, §4.2.18.2; RFC 7519 §4.1
 */
export async function verifyNrasAnswer(answer: unknown, keySet: unknown, question: NrasQuestion): Promise<NrasResult> {
  const parsed = orFault(TokenError, () => parseNrasAnswer(answer));
  if (typeof parsed === "string") return refusal([parsed]);
  const overall = orFault(TokenError, () => parseToken(parsed.overall, "NRAS's overall token"));
  if (typeof overall === "string") return refusal([overall]);
  const checkSigner = createSignerCheck(keySet, question);

  // 1. The overall token: without it nothing holds the others.
  const checked = await checkToken("NRAS's overall token", overall, question, checkSigner);
  const version = asClaimsVersion(overall.claims["x-nvidia-ver"]);
  const own = [
    ...checked.faults,
    ...subjectFaults(overall.claims),
    ...(version ? [] : ["NRAS's claims are of a version that is not known"]),
  ];
  if (own.length > 0 || !version) return refusal(own);

  // 2. Those of the GPUs.
  const modules = await Promise.all(
    [...parsed.modules].map(async ([name, text]) => checkModule(name, text, version, overall.claims, question, checkSigner)),
  );
  const verdict = overall.claims["x-nvidia-overall-att-result"] === true;
  const reasons = [
    ...(verdict ? [] : ["NRAS's overall result is not a success"]),
    ...setFaults(parsed, overall.claims),
    ...modules.flatMap(({ faults }) => faults),
  ];
  return {
    ok: reasons.length === 0,
    reasons,
    overall: verdict,
    version,
    gpus: modules.flatMap(({ gpu }) => (gpu ? [gpu] : [])),
    anchor: weakest([checked.anchor, ...modules.map(({ anchor }) => anchor)]),
    expiresMs: Math.min(readDateMs(overall.claims, "exp"), ...modules.flatMap(({ expiresMs = [] }) => expiresMs)),
  };
}

function refusal(reasons: readonly string[]): NrasResult {
  return { ok: false, reasons, gpus: [], anchor: "none" };
}

interface Module extends Checked {
  readonly gpu?: NrasGpu;
  readonly expiresMs?: number;
}

async function checkModule(
  name: string,
  text: string,
  version: NrasClaimsVersion,
  overall: Claims,
  question: NrasQuestion,
  checkSigner: SignerCheck,
): Promise<Module> {
  const what = `NRAS's token of ${name}`;
  if (!GPU_NAME.test(name)) return { faults: [`${what} is not of a GPU`], anchor: "none" };
  const token = orFault(TokenError, () => parseToken(text, what));
  if (typeof token === "string") return { faults: [token], anchor: "none" };
  const { faults, anchor } = await checkToken(what, token, question, checkSigner);
  const held = toHex(await sha256(utf8(text))) === readDigest(overall, name);
  const all = [...faults, ...(held ? [] : [`${what} is not the one that the overall token holds`])];
  if (all.length > 0) return { faults: all, anchor };
  const { claims } = token;
  return { faults: gpuClaimFaults(name, claims, version), anchor, gpu: readNrasGpu(name, claims), expiresMs: readDateMs(claims, "exp") };
}

type SignerCheck = (keyId: string) => Promise<SignerFinding & { readonly publicKey?: Uint8Array<ArrayBuffer> }>;

/** Tokens of one answer share their key: it is found and verified once. */
function createSignerCheck(keySet: unknown, trust: NrasTrust): SignerCheck {
  const known = new Map<string, ReturnType<SignerCheck>>();
  const check: SignerCheck = async (keyId) => {
    const key = orFault(TokenError, () => findNrasKey(keySet, keyId));
    if (typeof key === "string") return { anchor: "none", faults: [key] };
    return { ...(await verifyNrasSigner(key, trust)), publicKey: key.publicKey };
  };
  return (keyId) => {
    const finding = known.get(keyId) ?? check(keyId);
    known.set(keyId, finding);
    return finding;
  };
}

/** Signer, signature, issuer, nonce and dates. */
async function checkToken(what: string, token: JsonWebToken, question: NrasQuestion, checkSigner: SignerCheck): Promise<Checked> {
  const { keyId, claims, signature, signed } = token;
  const { anchor, faults, publicKey } = await checkSigner(keyId);
  if (faults.length > 0 || !publicKey) return { faults: faults.map((fault) => `${what}: ${fault}`), anchor };
  if (!(await verifyP384(publicKey, signature, signed))) {
    return { faults: [`the signature of ${what} is not by the key that it names`], anchor };
  }
  const { nonce, issuer = NRAS_ISSUER, nowMs } = question;
  const said = claims["eat_nonce"];
  return {
    faults: [
      ...(claims["iss"] === issuer ? [] : [`${what} is not issued by ${issuer}`]),
      ...(typeof said === "string" && said.toLowerCase() === toHex(nonce) ? [] : [`${what} is about another nonce`]),
      ...dateFaults(what, claims, nowMs),
    ],
    anchor,
  };
}

function dateFaults(what: string, claims: Claims, nowMs: number): string[] {
  const [issuedMs, fromMs, untilMs] = [readDateMs(claims, "iat"), readDateMs(claims, "nbf"), readDateMs(claims, "exp")];
  const latest = Math.max(issuedMs, fromMs);
  if (Number.isNaN(latest + untilMs)) return [`${what} does not say when it was issued, from when and until when it holds`];
  // The moment of its end is outside. @see RFC 7519 §4.1.4
  return validityFaults({ what, fromMs: latest - CLOCK_SKEW_MS, untilMs: untilMs - 1 }, nowMs);
}

/** A NumericDate as milliseconds since 1970; not a number where there is none. */
function readDateMs(claims: Claims, name: string): number {
  const seconds = claims[name];
  return typeof seconds === "number" && seconds >= 0 && seconds <= MAX_DATE_SECONDS ? seconds * 1000 : Number.NaN;
}

function subjectFaults({ sub }: Claims): string[] {
  return sub === SUBJECT ? [] : [`NRAS's overall token is not about ${SUBJECT}`];
}

/** The overall token holds as many tokens as there are, of the same names. */
function setFaults({ modules }: NrasAnswer, { submods }: Claims): string[] {
  const held = isObject(submods) ? Object.keys(submods) : [];
  const missing = held.filter((name) => !modules.has(name)).length;
  return missing > 0 ? [`${missing} of the ${held.length} tokens that NRAS's overall token holds are not there`] : [];
}

/** `["DIGEST", ["SHA-256", hex]]`, of the token as it stands. @see RFC 9711 §4.2.18.2 */
function readDigest({ submods }: Claims, name: string): string | undefined {
  const entry: unknown = isObject(submods) && Object.hasOwn(submods, name) ? submods[name] : undefined;
  const [type, digest]: readonly unknown[] = Array.isArray(entry) ? entry : [];
  const [algorithm, hex]: readonly unknown[] = Array.isArray(digest) ? digest : [];
  const known = type === "DIGEST" && (algorithm === "SHA-256" || algorithm === "SHA256") && typeof hex === "string";
  return known ? hex.toLowerCase() : undefined;
}

function weakest(anchors: readonly NrasAnchor[]): NrasAnchor {
  if (anchors.includes("none")) return "none";
  return anchors.includes("named") ? "named" : "nvidia";
}
