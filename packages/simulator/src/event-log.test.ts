import { parseAttestationAnswer, parseQuote } from "@bauta/attestation";
import { toHex } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { noVectors, readJsonVector } from "../../../tests/support/vectors.ts";
import { replay, RUNTIME_EVENT_TYPE, runtimeEvent } from "./event-log.ts";

describe.skipIf(noVectors)("event logs, held against a recorded one", () => {
  const capture = () => parseAttestationAnswer(readJsonVector("venice-2026-04-24/0001_api.venice.ai_api_v1_tee_attestation.body"));

  it("runtime events have the digests that dstack gives them", () => {
    const runtime = (capture().eventLog ?? []).filter((event) => event.event_type === RUNTIME_EVENT_TYPE);
    expect(runtime).toHaveLength(10);
    for (const event of runtime) expect(runtimeEvent(event.event, Buffer.from(event.event_payload, "hex"))).toEqual(event);
  });

  it("a log replays to the registers of its quote", () => {
    const { eventLog = [], quote } = capture();
    expect([0, 1, 2, 3].map((imr) => replay(eventLog, imr).toString("hex"))).toEqual(
      parseQuote(quote).report.rtmr.map((register) => toHex(register)),
    );
  });
});
