import { CHECK_IDS, type CheckId, type Finding, notChecked } from "./result.ts";

const NOT_HERE = "decided for each answer by its receipt, not by an attestation";

/** Why a check that no step of this version makes was not made, in plain words. */
const REASONS: Partial<Record<CheckId, string>> = {
  "image.signed": "this version does not check image signatures",
  "receipt.signature": NOT_HERE,
  "receipt.hashes": NOT_HERE,
};

/** What the server says about itself: shown, decides nothing. */
export function describeServerClaim(verified: boolean | undefined): Finding {
  const said =
    verified === undefined ? "the answer makes no claim about itself" : `the server says verified: ${verified}; that decides nothing here`;
  return notChecked("server.claim", said);
}

/** Completes findings to one for each known check, in the order of the list. */
export function completeFindings(made: readonly Finding[]): Finding[] {
  const byId = new Map(made.map((finding) => [finding.id, finding]));
  return CHECK_IDS.map((id) => byId.get(id) ?? notChecked(id, REASONS[id] ?? "this version does not make this check"));
}
