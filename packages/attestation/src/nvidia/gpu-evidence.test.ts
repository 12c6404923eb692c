import { toBase64, utf8 } from "@bauta/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bounded } from "../../../../tests/support/bounded.ts";
import { GpuEvidenceError, MAX_PAYLOAD_CHARACTERS, parseGpuPayload } from "./gpu-evidence.ts";

const entry = { certificate: toBase64(utf8("PEM")), evidence: toBase64(Uint8Array.of(1, 2, 3)), arch: "HOPPER" };
const times = (count: number, arch: string) => Array.from({ length: count }, () => ({ ...entry, arch }));
const parse = (value: unknown) => parseGpuPayload(JSON.stringify(value));

describe("parseGpuPayload", () => {
  it("reads the form of NVIDIA's service and the SDK's array alike", () => {
    const { arch: _, ...bare } = entry;
    const wrapped = parse({ nonce: "ab", arch: "HOPPER", evidence_list: [bare], unknown: 1 });
    expect(wrapped).toEqual({
      nonce: "ab",
      gpus: [{ arch: "HOPPER", certificateChain: "PEM", report: Uint8Array.of(1, 2, 3) }],
      switches: [],
    });
    expect(parse([{ ...entry, nonce: "ab", driver_version: "590.12" }])).toEqual(wrapped);
    expect(parse({ evidences: [{ ...entry, nonce: "ab" }], result_code: 0, result_message: "Ok" })).toEqual(wrapped);
  });

  it("keeps switches apart, in the order of the evidence", () => {
    const { gpus, switches } = parse([...times(1, "LS10"), ...times(8, "HOPPER"), ...times(7, "LS10")]);
    expect([gpus.length, switches.length]).toEqual([8, 8]);
  });

  it("believes no nonce that the entries do not agree on", () => {
    expect(
      parse([
        { ...entry, nonce: "ab" },
        { ...entry, nonce: "cd" },
      ]).nonce,
    ).toBeUndefined();
    expect(parse({ nonce: 7, evidence_list: [entry] }).nonce).toBeUndefined();
  });

  it.each([
    ["no JSON", "{", "GPU evidence: not JSON"],
    ["no object", "7", "GPU evidence: must be a JSON object"],
    ["null", "null", "GPU evidence: must be a JSON object"],
    ["what a tool says that failed", '{"evidences":[],"result_code":13}', "result_code: 13, so that nothing was collected"],
    ["no list", "{}", "evidence_list: must be an array"],
    ["a list that is none", '{"evidence_list":{}}', "evidence_list: must be an array"],
    ["an inherited member", '{"__proto__":{"evidence_list":[]}}', "evidence_list: must be an array"],
    ["an entry that is none", "[7]", "evidence_list[0]: must be a JSON object"],
    ["an entry of nothing", "[{}]", "evidence_list[0].certificate: must be base64"],
    ["a nine GPUs' payload", JSON.stringify(times(9, "BLACKWELL")), "9 GPUs, more than 8"],
    ["nine switches", JSON.stringify(times(9, "LS10")), "9 switches, more than 8"],
    ["seventeen devices", JSON.stringify(times(17, "HOPPER")), "17 devices are more than one machine has"],
    ["another kind of device", JSON.stringify(times(1, "RUBIN")), "evidence_list[0].arch: must be one of HOPPER, BLACKWELL, LS10"],
    ["a kind that is no text", JSON.stringify([{ ...entry, arch: 7 }]), "evidence_list[0].arch"],
    ["evidence that is not base64", JSON.stringify([{ ...entry, evidence: "*" }]), "evidence_list[0].evidence: must be base64"],
    ["empty evidence", JSON.stringify([{ ...entry, evidence: "" }]), "evidence_list[0].evidence: must be base64"],
    ["evidence that is too long", JSON.stringify([{ ...entry, evidence: "A".repeat(30_000) }]), "of 1 to 16384 bytes"],
    ["a chain that is too long", JSON.stringify([{ ...entry, certificate: "A".repeat(30_000) }]), "of 1 to 16384 bytes"],
  ])("refuses %s", (_, json, problem) => {
    expect(() => parseGpuPayload(json)).toThrow(GpuEvidenceError);
    expect(() => parseGpuPayload(json)).toThrow(problem);
  });

  it.each([
    ["nesting", "[".repeat(MAX_PAYLOAD_CHARACTERS)],
    ["objects", '{"a":'.repeat(100_000)],
    ["a long text", `"${"A".repeat(8_000_000)}"`],
    ["many entries", `[${"{},".repeat(160_000)}{}]`],
    ["long base64", JSON.stringify([{ ...entry, evidence: "A".repeat(500_000) }])],
  ])("is done with %s in no time", async (_, json) => {
    await bounded(() => expect(() => parseGpuPayload(json)).toThrow(GpuEvidenceError));
  });

  it("throws nothing but its own error", () => {
    const member = fc.oneof(fc.string(), fc.base64String(), fc.integer(), fc.constant(null));
    const odd = fc.record(
      { arch: fc.oneof(fc.constantFrom("HOPPER", "LS10"), member), certificate: member, evidence: member },
      { requiredKeys: [] },
    );
    const payload = fc.oneof(
      fc.json(),
      fc.array(odd).map((list) => JSON.stringify(list)),
      fc.string(),
    );
    fc.assert(
      fc.property(payload, (json) => {
        try {
          parseGpuPayload(json);
        } catch (error) {
          expect(error).toBeInstanceOf(GpuEvidenceError);
        }
      }),
    );
  });
});
