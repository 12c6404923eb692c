import { readJsonVector } from "../../../../tests/support/vectors.ts";
import type { RequestNonce } from "../binding/report-data-binding.ts";
import { parseAttestationAnswer } from "../evidence/attestation-answer.ts";
import type { Evidence } from "../evidence/evidence.ts";
import { parseQuote, type TdReport } from "../tdx/quote.ts";

/** The recorded answer of a live service, as parsed JSON. */
export function readVeniceAnswer(): Record<string, unknown> {
  return readJsonVector("venice-2026-04-24/0001_api.venice.ai_api_v1_tee_attestation.body") as Record<string, unknown>;
}

export interface VeniceDstack {
  readonly evidence: Evidence;
  readonly report: TdReport;
  /** Of the compose manager's own quote. */
  readonly second: TdReport;
  readonly nonce: RequestNonce;
}

/** What the dstack steps work on. The quotes' signatures are checked elsewhere. */
export function readVeniceDstack(answer = readVeniceAnswer()): VeniceDstack {
  const { nonce_hex } = readJsonVector("venice-2026-04-24/manifest.json") as { readonly nonce_hex: string };
  const evidence = parseAttestationAnswer(answer);
  return {
    evidence,
    report: parseQuote(evidence.quote).report,
    second: parseQuote(evidence.composeManager?.quote ?? new Uint8Array()).report,
    nonce: { query: nonce_hex, sealed: true },
  };
}
