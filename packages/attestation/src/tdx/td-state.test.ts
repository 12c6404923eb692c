import { describe, expect, it } from "vitest";
import type { Allowances } from "../policy/policy.ts";
import { verifyServiceTd } from "./service-td.ts";
import { isOnlyDebug, verifyAttributes, verifyDebugOff } from "./td-attributes.ts";
import type { TdReport } from "./td-report.ts";
import { verifySeamSigner } from "./tdx-module.ts";
import { verifyXfam } from "./xfam.ts";

const hex = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "hex"));
const zeros = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length);
const STRICT: Allowances = { debug: false, sept_ve_disable_off: false, service_td: false, unpinned_images: false };
const SEPT_VE_DISABLE = "0000001000000000";

function report(changes: Partial<TdReport> = {}): TdReport {
  return {
    teeTcbSvn: zeros(16),
    mrSeam: zeros(48),
    mrSignerSeam: zeros(48),
    seamAttributes: zeros(8),
    tdAttributes: hex(SEPT_VE_DISABLE),
    xfam: hex("e702060000000000"),
    mrTd: zeros(48),
    mrConfigId: zeros(48),
    mrOwner: zeros(48),
    mrOwnerConfig: zeros(48),
    rtmr: [zeros(48), zeros(48), zeros(48), zeros(48)],
    reportData: zeros(64),
    ...changes,
  };
}

/** A value with one bit turned over. */
function flip(text: string, bit: number): Uint8Array<ArrayBuffer> {
  const bytes = hex(text);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return bytes;
}

describe("a TD's attributes", () => {
  const judge = (bit: number, allow: Partial<Allowances> = {}) => {
    const changed = report({ tdAttributes: flip(SEPT_VE_DISABLE, bit) });
    return [verifyDebugOff(changed).status, verifyAttributes(changed, { ...STRICT, ...allow }).status];
  };

  it("pass with SEPT_VE_DISABLE alone, and with PERFMON (63) beside it", () => {
    expect([verifyDebugOff(report()).status, verifyAttributes(report(), STRICT).status]).toEqual(["pass", "pass"]);
    expect(judge(63)).toEqual(["pass", "pass"]);
  });

  it("fail with any other bit, each in one of the two checks", () => {
    for (let bit = 0; bit < 63; bit++) expect([bit, ...judge(bit)]).toEqual([bit, bit < 8 ? "fail" : "pass", bit < 8 ? "pass" : "fail"]);
  });

  it("may lack SEPT_VE_DISABLE, or be migratable, where the policy says so, and only there", () => {
    expect(judge(28, { sept_ve_disable_off: true })).toEqual(["pass", "pass"]);
    expect(judge(28, { service_td: true })).toEqual(["pass", "fail"]);
    for (const bit of [17, 29]) {
      expect(judge(bit, { service_td: true })).toEqual(["pass", "pass"]);
      expect(judge(bit, { sept_ve_disable_off: true, debug: true })).toEqual(["pass", "fail"]);
    }
    for (const bit of [16, 27, 30, 31, 62]) expect(judge(bit, { service_td: true, sept_ve_disable_off: true })).toEqual(["pass", "fail"]);
  });

  it("tell debug mode from reserved bits of its byte", () => {
    const under = (first: string) => report({ tdAttributes: hex(`${first}00001000000000`) });
    expect([isOnlyDebug(under("01")), isOnlyDebug(under("03")), isOnlyDebug(under("00"))]).toEqual([true, false, false]);
    expect(verifyDebugOff(under("01")).reason).toContain("debug mode");
    expect(verifyDebugOff(under("02")).reason).toContain("reserved debug bits");
  });
});

describe("XFAM", () => {
  it("passes as recorded machines have it", () => {
    for (const xfam of [
      "e702060000000000",
      "0702000000000000",
      "e718060000000000",
      "e71a060000000000",
      "e742060000000000",
      "0300000000000000",
    ])
      expect(verifyXfam(report({ xfam: hex(xfam) })).status).toBe("pass");
  });

  it("fails without x87 or SSE, and with a bit that no TD can have", () => {
    const possible = new Set([0, 1, 2, 5, 6, 7, 8, 9, 11, 12, 14, 15, 17, 18]);
    for (let bit = 0; bit < 64; bit++) {
      const { status } = verifyXfam(report({ xfam: flip("0300000000000000", bit) }));
      expect([bit, status]).toEqual([bit, bit > 1 && possible.has(bit) ? "pass" : "fail"]);
    }
  });
});

describe("a service TD", () => {
  const migratable = hex("0000003000000000");
  const bound = zeros(48).fill(7);

  it("is none where a report of TD 1.0 is not migratable", () => {
    expect(verifyServiceTd(report(), STRICT).status).toBe("pass");
  });

  it("cannot be seen in a migratable TD 1.0, so that only the policy can let it be", () => {
    expect(verifyServiceTd(report({ tdAttributes: migratable }), STRICT)).toMatchObject({
      status: "not-checked",
      reason: expect.stringContaining("td.attributes") as string,
    });
    expect(verifyServiceTd(report({ tdAttributes: migratable }), { ...STRICT, service_td: true }).status).toBe("pass");
  });

  it("fails in TD 1.5 unless the policy allows it", () => {
    expect(verifyServiceTd(report({ mrServiceTd: zeros(48) }), STRICT).status).toBe("pass");
    expect(verifyServiceTd(report({ mrServiceTd: bound }), STRICT).status).toBe("fail");
    expect(verifyServiceTd(report({ mrServiceTd: bound }), { ...STRICT, service_td: true }).status).toBe("pass");
  });

  it("fails in an extended report by any of its hashes and attributes, and by nothing else there", () => {
    for (let offset = 0; offset < 237; offset++) {
      const extension = zeros(237);
      extension[offset] = 1;
      const { status } = verifyServiceTd(report({ mrServiceTd: zeros(48), extension }), STRICT);
      expect([offset, status]).toEqual([offset, (offset >= 81 && offset < 137) || offset >= 181 ? "fail" : "pass"]);
    }
  });
});

describe("the TDX module's signer", () => {
  const intel = { mrSigner: "0".repeat(96), attributes: "0".repeat(16), attributesMask: "f".repeat(16) };

  it("is Intel's if MRSIGNERSEAM and the SEAM attributes are zero", () => {
    expect(verifySeamSigner(report(), intel)).toMatchObject({ status: "pass", reason: expect.stringContaining("agrees") as string });
    expect(verifySeamSigner(report(), undefined)).toMatchObject({
      status: "pass",
      reason: expect.stringContaining("not compared") as string,
    });
  });

  it("is not Intel's otherwise, whatever is signed", () => {
    const bytes = zeros(48).fill(9);
    const attributes = hex("0100000000000000");
    for (const signer of [undefined, intel, { ...intel, mrSigner: "09".repeat(48), attributes: "0100000000000000" }]) {
      expect(verifySeamSigner(report({ mrSignerSeam: bytes }), signer).status).toBe("fail");
      expect(verifySeamSigner(report({ seamAttributes: attributes }), signer).status).toBe("fail");
    }
    expect(verifySeamSigner(report(), { ...intel, mrSigner: "09".repeat(48) }).status).toBe("fail");
    expect(verifySeamSigner(report(), { ...intel, attributes: "0100000000000000" }).status).toBe("fail");
    expect(verifySeamSigner(report(), { ...intel, attributes: "0100000000000000", attributesMask: "0".repeat(16) }).status).toBe("fail");
  });
});
