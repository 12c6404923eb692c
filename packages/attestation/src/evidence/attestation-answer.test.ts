import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EvidenceError, parseAttestationAnswer } from "./attestation-answer.ts";
import { COLLATERAL_MEMBERS } from "../collateral/collateral.ts";

const quote = Uint8Array.from([4, 0, 2, 0, 0x81, 0, 0, 0, 255, 254]);
const hex = Buffer.from(quote).toString("hex");
const event = { imr: 3, event_type: 134217729, digest: "ab", event: "app-id", event_payload: "cd" };
const collateral = Object.fromEntries(COLLATERAL_MEMBERS.map((name) => [name, name]));

describe("parseAttestationAnswer", () => {
  it("reads a quote in hex, with 0x, in base64 and base64url", () => {
    for (const text of [
      hex,
      hex.toUpperCase(),
      `0x${hex}`,
      Buffer.from(quote).toString("base64"),
      Buffer.from(quote).toString("base64url"),
    ]) {
      expect(parseAttestationAnswer({ intel_quote: text, signing_key: "k" }).quote).toEqual(quote);
    }
  });

  it("takes signing_public_key where signing_key is missing, and neither as an empty key", () => {
    expect(parseAttestationAnswer({ intel_quote: hex, signing_public_key: "b" }).signingKey).toBe("b");
    expect(parseAttestationAnswer({ intel_quote: hex, signing_key: "a", signing_public_key: "b" }).signingKey).toBe("a");
    expect(parseAttestationAnswer({ intel_quote: hex }).signingKey).toBe("");
  });

  it("reads the rest, as JSON or as JSON texts", () => {
    const info = { app_id: "1", tcb_info: { app_compose: "{ }", compose_hash: "2" } };
    const whole = {
      intel_quote: hex,
      nonce: "n",
      model: "m",
      verified: true,
      signing_address: "0x1",
      tee_provider: "p",
      tee_hardware: "h",
      nvidia_payload: "{}",
    };
    const asObjects = parseAttestationAnswer({ ...whole, event_log: [event], info, endorsements: collateral });
    const asTexts = parseAttestationAnswer({
      ...whole,
      event_log: JSON.stringify([event]),
      info: { ...info, tcb_info: JSON.stringify(info.tcb_info) },
      endorsements: collateral,
    });
    expect(asObjects).toEqual(asTexts);
    expect(asObjects).toMatchObject({
      nonce: "n",
      verified: true,
      teeHardware: "h",
      eventLog: [event],
      info: { app_id: "1", app_compose: "{ }", compose_hash: "2" },
      nvidiaPayload: "{}",
      endorsements: collateral,
    });
  });

  it("keeps nothing that it does not know", () => {
    expect(Object.keys(parseAttestationAnswer({ intel_quote: hex, collateral_url: "https://example.org" }))).toEqual([
      "quote",
      "signingKey",
    ]);
  });

  for (const [field, answer] of [
    ["(whole)", null],
    ["(whole)", [hex]],
    ["intel_quote", { verified: true }],
    ["intel_quote", { intel_quote: "" }],
    ["intel_quote", { intel_quote: 1 }],
    ["intel_quote", { intel_quote: "not a quote!" }],
    ["intel_quote", { intel_quote: "00".repeat(65 * 1024) }],
    ["signing_key", { intel_quote: hex, signing_key: 4 }],
    ["signing_key", { intel_quote: hex, signing_key: "0".repeat(2000) }],
    ["event_log", { intel_quote: hex, event_log: "{" }],
    ["event_log", { intel_quote: hex, event_log: {} }],
    ["event_log", { intel_quote: hex, event_log: Array.from({ length: 5000 }, () => event) }],
    ["event_log[1].imr", { intel_quote: hex, event_log: [event, { ...event, imr: 4 }] }],
    ["event_log[0].event_payload", { intel_quote: hex, event_log: [{ ...event, event_payload: 1 }] }],
    ["info", { intel_quote: hex, info: [] }],
    ["info.tcb_info", { intel_quote: hex, info: { tcb_info: "x" } }],
    ["info.tcb_info.app_compose", { intel_quote: hex, info: { tcb_info: { app_compose: {} } } }],
    ["nvidia_payload", { intel_quote: hex, nvidia_payload: {} }],
    ["endorsements.pck_crl", { intel_quote: hex, endorsements: { ...collateral, pck_crl: undefined } }],
  ] as const) {
    it(`names ${field} in ${JSON.stringify(answer)?.slice(0, 70)}`, () => {
      const read = () => parseAttestationAnswer(answer);
      expect(read).toThrow(EvidenceError);
      expect(read).toThrow(`attestation answer: ${field}: `);
    });
  }

  it("throws nothing but EvidenceError", () => {
    const answers = fc.record(
      {
        intel_quote: fc.oneof(fc.constant(hex), fc.jsonValue()),
        event_log: fc.jsonValue(),
        info: fc.jsonValue(),
        signing_key: fc.jsonValue(),
        endorsements: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), answers), (answer) => {
        try {
          parseAttestationAnswer(answer);
        } catch (error) {
          expect(error).toBeInstanceOf(EvidenceError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
