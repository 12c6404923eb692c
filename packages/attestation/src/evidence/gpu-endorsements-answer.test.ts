import { toBase64 } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { parseAttestationAnswer } from "./attestation-answer.ts";
import { EvidenceError } from "./evidence-error.ts";
import { parseGpuEndorsements } from "./gpu-endorsements-answer.ts";

const der = Uint8Array.of(0x30, 0x03, 0x0a, 0x01, 0x06);
const MAX_RIM_CHARACTERS = 256 * 1024;
const MAX_OCSP_BYTES = 16 * 1024;
const parse = (value: unknown) => parseGpuEndorsements(value);

describe("gpu_endorsements", () => {
  it("are manifests as texts, and OCSP answers in base64", () => {
    expect(parse({ rims: ["<a/>", "<b/>"], ocsp: [toBase64(der)] })).toEqual({ rims: ["<a/>", "<b/>"], ocsp: [der] });
    expect(parse({ rims: ["<a/>"], more: { nras: 1 }, nras: { token: 1 } })).toEqual({ rims: ["<a/>"], ocsp: [] });
  });

  it("may be absent, whole or in part", () => {
    for (const absent of [undefined, null]) expect(parse(absent)).toBeUndefined();
    for (const empty of [{}, { rims: null, ocsp: null }, { rims: [], ocsp: [] }]) expect(parse(empty)).toEqual({ rims: [], ocsp: [] });
    expect(parse(Object.create({ rims: ["<inherited/>"] }))).toEqual({ rims: [], ocsp: [] });
  });

  it("reach the evidence of an answer, where they were served", () => {
    const answer = { intel_quote: "00", gpu_endorsements: { rims: ["<a/>"], ocsp: [toBase64(der)] } };
    expect(parseAttestationAnswer(answer).gpuEndorsements).toEqual({ rims: ["<a/>"], ocsp: [der] });
    expect(parseAttestationAnswer({ intel_quote: "00" })).not.toHaveProperty("gpuEndorsements");
  });

  it.each([
    ["a list", [], "gpu_endorsements"],
    ["a text", "{}", "gpu_endorsements"],
    ["a number", 7, "gpu_endorsements"],
    ["manifests that are no list", { rims: "<a/>" }, "gpu_endorsements.rims"],
    ["manifests in an object", { rims: { 0: "<a/>", length: 1 } }, "gpu_endorsements.rims"],
    ["a manifest that is no text", { rims: ["<a/>", 7] }, "gpu_endorsements.rims[1]"],
    ["a manifest of null", { rims: [null] }, "gpu_endorsements.rims[0]"],
    ["seventeen manifests", { rims: Array.from({ length: 17 }, () => "<a/>") }, "gpu_endorsements.rims"],
    ["a manifest that is too long", { rims: ["<".repeat(MAX_RIM_CHARACTERS + 1)] }, "gpu_endorsements.rims[0]"],
    ["answers that are no list", { ocsp: {} }, "gpu_endorsements.ocsp"],
    ["an answer that is no text", { ocsp: [[0x30]] }, "gpu_endorsements.ocsp[0]"],
    ["an answer that is not base64", { ocsp: [toBase64(der), "%"] }, "gpu_endorsements.ocsp[1]"],
    ["an answer that is too long", { ocsp: [toBase64(new Uint8Array(MAX_OCSP_BYTES + 1))] }, "gpu_endorsements.ocsp[0]"],
    ["129 answers", { ocsp: Array.from({ length: 129 }, () => toBase64(der)) }, "gpu_endorsements.ocsp"],
  ] as const)("are refused by name: %s", (_, value, field) => {
    expect(() => parse(value)).toThrow(EvidenceError);
    expect(() => parse(value)).toThrow(new RegExp(`${field.replaceAll(/[.[\]]/g, "\\$&")}(?![\\w.[])`));
    expect(() => parseAttestationAnswer({ intel_quote: "00", gpu_endorsements: value })).toThrow(EvidenceError);
  });

  it("are taken up to the limits, and no text of theirs is repeated in an error", () => {
    const most = {
      rims: Array.from({ length: 16 }, () => "<".repeat(MAX_RIM_CHARACTERS)),
      ocsp: Array.from({ length: 128 }, () => toBase64(new Uint8Array(MAX_OCSP_BYTES))),
    };
    const { rims, ocsp } = parse(most) ?? {};
    expect([rims?.length, ocsp?.length]).toEqual([16, 128]);
    const message = errorOf(() => parse({ ocsp: [`${"secret ".repeat(9)}%`] }));
    expect(message).not.toContain("secret");
    expect(message.length).toBeLessThan(200);
  });
});

function errorOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("nothing was refused");
}
