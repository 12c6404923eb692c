import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAttestationAnswer } from "./attestation-answer.ts";
import { EvidenceError } from "./evidence-error.ts";

const intel_quote = "040002008100";
const event = { imr: 3, event_type: 134217729, digest: "ab", event: "app-id", event_payload: "cd" };
const action = { action: "compose_up", services: ["a", "b"], count: 2, note: null, dry: false };
const read = (members: object) => parseAttestationAnswer({ intel_quote, ...members });

describe("dstack's part of an attestation answer", () => {
  it("takes the log at the top, and the one in tcb_info where there is none", () => {
    const inner = { tcb_info: { event_log: [{ ...event, event: "inner" }] } };
    expect(read({ event_log: [event], info: inner })).toMatchObject({ eventLog: [event], info: { event_log: [{ event: "inner" }] } });
    expect(read({ event_log: null, info: inner }).eventLog).toMatchObject([{ event: "inner" }]);
    expect(read({ info: { tcb_info: JSON.stringify(inner.tcb_info) } }).eventLog).toMatchObject([{ event: "inner" }]);
    expect(read({}).eventLog).toBeUndefined();
  });

  it("keeps note of members that info and tcb_info state differently", () => {
    const info = { app_id: "1", compose_hash: "2", tcb_info: { app_id: "1", compose_hash: "3", mr_config: "{}" } };
    expect(read({ info }).info).toEqual({ app_id: "1", compose_hash: "2", mr_config: "{}", contradictions: ["compose_hash"] });
    expect(read({ info: { app_id: "1" } }).info).toEqual({ app_id: "1" });
  });

  it("reads a compose manager's attestation with every member of its actions", () => {
    const compose_manager_attestation = {
      quote: "0102",
      actions: [action],
      actions_hash: "h",
      report_data: "r",
      nonce: "n",
      event_log: JSON.stringify([event]),
      vm_config: "x",
    };
    expect(read({ compose_manager_attestation }).composeManager).toEqual({
      quote: Uint8Array.of(1, 2),
      actions: [action],
      actionsHash: "h",
      reportData: "r",
      nonce: "n",
      eventLog: [event],
    });
    expect(read({ compose_manager_attestation: JSON.stringify({ quote: "0102" }) }).composeManager?.actions).toEqual([]);
    for (const absent of [null, "", undefined, { error: "unreachable" }, { quote: "" }]) {
      expect(read({ compose_manager_attestation: absent }).composeManager).toBeUndefined();
    }
  });

  const manager = (members: object) => ({ compose_manager_attestation: { quote: "0102", ...members } });
  for (const [field, members] of [
    ["compose_manager_attestation", { compose_manager_attestation: [] }],
    ["compose_manager_attestation.quote", manager({ quote: "no quote!" })],
    ["compose_manager_attestation.actions", manager({ actions: {} })],
    ["compose_manager_attestation.actions", manager({ actions: Array.from({ length: 4097 }, () => ({})) })],
    ["compose_manager_attestation.actions", manager({ actions: Array.from({ length: 40 }, () => ({ a: "x".repeat(30_000) })) })],
    ["compose_manager_attestation.actions[1]", manager({ actions: [{}, "x"] })],
    ["compose_manager_attestation.actions[0]", manager({ actions: [{ a: { b: 1 } }] })],
    ["compose_manager_attestation.actions[0]", manager({ actions: [{ a: 1.5 }] })],
    ["compose_manager_attestation.actions[0]", manager({ actions: [{ a: [["b"]] }] })],
    [
      "compose_manager_attestation.actions[0]",
      manager({ actions: [Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, ""]))] }),
    ],
    ["compose_manager_attestation.actions_hash", manager({ actions_hash: 1 })],
    ["compose_manager_attestation.event_log", manager({ event_log: "{" })],
    ["event_log", { event_log: Array.from({ length: 1025 }, () => event) }],
    ["event_log", { event_log: Array.from({ length: 20 }, () => ({ ...event, event_payload: "00".repeat(64 * 1024) })) }],
    ["info.tcb_info.event_log", { info: { tcb_info: { event_log: {} } } }],
    ["info.mr_config", { info: { mr_config: {} } }],
  ] as const) {
    it(`names ${field} in ${JSON.stringify(members).slice(0, 80)}`, () => {
      expect(() => read(members)).toThrow(EvidenceError);
      expect(() => read(members)).toThrow(`attestation answer: ${field}: `);
    });
  }

  it("throws nothing but EvidenceError", () => {
    const attestation = fc.record(
      { quote: fc.constant("0102"), actions: fc.jsonValue(), nonce: fc.jsonValue(), event_log: fc.jsonValue() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(attestation, fc.jsonValue()), fc.record({ tcb_info: fc.jsonValue() }), (compose_manager_attestation, info) => {
        try {
          read({ compose_manager_attestation, info });
        } catch (error) {
          expect(error).toBeInstanceOf(EvidenceError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
