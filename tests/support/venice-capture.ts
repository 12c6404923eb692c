import { readdirSync } from "node:fs";
import type { AppraisalInput } from "../../packages/attestation/src/appraise.ts";
import type { Collateral } from "../../packages/attestation/src/collateral/collateral.ts";
import { collateralNeed } from "../../packages/attestation/src/collateral/collateral-need.ts";
import { createCollateralLibrary } from "../../packages/attestation/src/collateral/offline.ts";
import { parseAttestationAnswer } from "../../packages/attestation/src/evidence/attestation-answer.ts";
import type { Evidence } from "../../packages/attestation/src/evidence/evidence.ts";
import { readJsonVector, readVector, vectorPath } from "./vectors.ts";

const FOLDER = "venice-2026-04-24";
const ANSWER = `${FOLDER}/0001_api.venice.ai_api_v1_tee_attestation.body`;
/** Intel's answers of the same minute, each with its headers beside it. */
const COLLATERAL = /^000[2-5]_/;

// oxlint-disable-next-line typescript/no-explicit-any -- foreign JSON, which tests edit at will
export type Json = Record<string, any>;

/** One recorded answer of a live service, with everything that it takes to appraise it but a policy. */
export interface VeniceCapture {
  /** The answer's JSON. */
  readonly answer: Json;
  readonly evidence: Evidence;
  readonly endorsements: Collateral;
  readonly nonce: NonNullable<AppraisalInput["nonce"]>;
  /** When it was recorded. */
  readonly nowMs: number;
}

/**
 * Reads the capture; call it only where `noVectors` is false.
 * @param edit changes the answer's JSON before it is read
 */
export function readVeniceCapture(edit: (answer: Json) => void = () => {}): VeniceCapture {
  const { nonce_hex, captured_at } = readJsonVector(`${FOLDER}/manifest.json`) as { nonce_hex: string; captured_at: string };
  const answer = readJsonVector(ANSWER) as Json;
  edit(answer);
  const evidence = parseAttestationAnswer(answer);
  return { answer, evidence, endorsements: readEndorsements(), nonce: { query: nonce_hex, sealed: true }, nowMs: Date.parse(captured_at) };
}

let endorsements: Collateral | undefined;

function readEndorsements(): Collateral {
  if (!endorsements) {
    const { captured_at } = readJsonVector(`${FOLDER}/manifest.json`) as { captured_at: string };
    const { quote } = parseAttestationAnswer(readJsonVector(ANSWER));
    const files = readdirSync(vectorPath(FOLDER)).filter((name) => COLLATERAL.test(name));
    const library = createCollateralLibrary(
      files.map((name) => ({ name, bytes: readVector(`${FOLDER}/${name}`) })),
      FOLDER,
    );
    endorsements = library.select(collateralNeed(quote), Date.parse(captured_at));
  }
  return endorsements;
}

/** What NVIDIA's service said about the GPUs of the recorded answer in the same minute, with its keys. */
export function readVeniceOpinion(): { readonly token: unknown; readonly jwks: unknown } {
  return {
    token: readJsonVector(`${FOLDER}/0006_nras.attestation.nvidia.com_v3_attest_gpu.body`),
    jwks: readJsonVector(`${FOLDER}/0007_nras.attestation.nvidia.com_.well-known_jwks.json.body`),
  };
}

/** Collateral of other platforms and times that Intel signed, by file name without its ending. */
export function readOtherCollateral(name: string): Collateral {
  return readJsonVector(`tdx/collateral/${name}.json`) as Collateral;
}
