import { appraise, type Collateral, parseAttestationAnswer, parsePolicy } from "../../packages/attestation/src/index.ts";
import type { Allowances, TcbRules } from "../../packages/attestation/src/policy/policy.ts";
import { appraisePlatform, type Platform } from "../../packages/attestation/src/tdx/platform.ts";
import { parseTrustRoots } from "../../packages/attestation/src/tdx/trust-roots.ts";
import { parseHex, toHex } from "../../packages/protocol/src/index.ts";
import type { AppraisalCase } from "./appraisal-cases.ts";

/** A platform to appraise, as JSON: what a page is given. */
export interface PlatformInputJson {
  readonly name: string;
  /** Hex. */
  readonly quote: string;
  readonly endorsements?: Collateral;
  readonly tcb?: Partial<TcbRules>;
  readonly allow?: Partial<Allowances>;
  readonly nowMs: number;
  /** Roots beside Intel's, DER in hex. */
  readonly trustRoots: readonly string[];
  /** The highest numbers seen before, decimal. */
  readonly remembered?: Readonly<Record<string, string>>;
}

/** What a policy demands of a platform unless it says otherwise. */
const STRICT = parsePolicy({ version: 1, measurements: "any" });

/** An attestation result as JSON. */
export type CaseOutcome = Readonly<Record<string, unknown>>;

/** What came of a platform, without the bytes of its quote. */
export type PlatformOutcome = Pick<Platform, "findings" | "simulated" | "tcb" | "collateral">;

/** Appraises an attestation answer; the same code runs in Node and in the page. */
export async function runCase({ answer, endorsements, nras, policy, nonce, nowMs, trustRoots }: AppraisalCase): Promise<CaseOutcome> {
  const evidence = parseAttestationAnswer(answer);
  const result = await appraise({
    evidence,
    endorsements: endorsements ?? evidence.endorsements,
    gpuEndorsements: nras ? { rims: [], ocsp: [], nras } : evidence.gpuEndorsements,
    policy: parsePolicy(policy),
    nonce: { query: nonce, sealed: true },
    nowMs,
    trustRoots: trustRoots.map(fromHex),
  });
  return { ...result, signingKey: result.signingKey && toHex(result.signingKey) };
}

/** Appraises a platform; the same code runs in Node and in the page. */
export async function runPlatform(input: PlatformInputJson): Promise<PlatformOutcome> {
  const { endorsements, remembered, nowMs } = input;
  const { findings, simulated, tcb, collateral } = await appraisePlatform({
    quote: fromHex(input.quote),
    endorsements,
    tcb: { ...STRICT.tcb, ...input.tcb },
    allow: { ...STRICT.allow, ...input.allow },
    nowMs,
    roots: parseTrustRoots(input.trustRoots.map(fromHex)),
    ...(remembered && { remembered: (key) => (remembered[key] === undefined ? undefined : BigInt(remembered[key])) }),
  });
  return { findings, simulated, ...(tcb && { tcb }), ...(collateral && { collateral }) };
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = parseHex(hex, 64 * 1024 * 1024);
  if (!bytes) throw new Error("a case's own hex is not hex");
  return bytes;
}
