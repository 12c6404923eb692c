import { describe, expect, it } from "vitest";
import { noVectors, readJsonVector, vectorNames } from "../../../../tests/support/vectors.ts";
import { parseAttestationAnswer } from "../evidence/attestation-answer.ts";
import { parseQuote } from "../tdx/quote.ts";
import { replayEventLog } from "./event-log.ts";

/** Recorded answers of services whose guests run dstack; the first three in its own shape. */
const SERVICES = ["nanogpt-2026-06-10", "venice-2026-06-10", "near-direct-2026-06-10"] as const;

describe.skipIf(noVectors)("event logs of live services", () => {
  it.each(SERVICES)("%s replays", async (service) => {
    const name = vectorNames(`providers/${service}`).find((file) => /attestation.*\.body$/.test(file));
    const answer = parseAttestationAnswer(readJsonVector(`providers/${service}/${name}`));
    const { report } = parseQuote(answer.quote ?? new Uint8Array());
    const { finding, boot } = await replayEventLog(report, answer.eventLog, answer.info);
    expect(finding).toMatchObject({ status: "pass" });
    expect(boot?.composeHash).toMatch(/^[0-9a-f]{64}$/);
  });
});
