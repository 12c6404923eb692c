import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fakeCollateral } from "../testing/fake-collateral.ts";
import { COLLATERAL_MEMBERS } from "./collateral.ts";
import { CollateralError } from "./collateral-error.ts";
import { describeCollateral } from "./describe-collateral.ts";
import { parseCollateral, parseCollateralText } from "./parse-collateral.ts";

const issuedMs = Date.parse("2026-04-24T01:00:00Z");
const set = fakeCollateral({ issuedMs });
const der = Buffer.from(set.pck_crl, "hex");

describe("parseCollateral", () => {
  it("reads the common shape, and nothing as nothing", () => {
    expect(parseCollateral(set)).toEqual(set);
    expect(parseCollateral(undefined)).toBeUndefined();
    expect(parseCollateral(null)).toBeUndefined();
    expect(parseCollateral({ ...set, pck_certificate_chain: null })).toEqual(set);
  });

  for (const [name, variant] of [
    ["a CRL in upper-case hex", { pck_crl: set.pck_crl.toUpperCase() }],
    ["a CRL in base64", { pck_crl: der.toString("base64") }],
    ["a CRL in base64 of many lines", { pck_crl: der.toString("base64").replaceAll(/.{64}/g, "$&\r\n") }],
    ["a CRL in PEM", { pck_crl: `-----BEGIN X509 CRL-----\n${der.toString("base64")}\n-----END X509 CRL-----\n` }],
    ["a CRL as a list of bytes", { pck_crl: [...der] }],
    ["a CRL in hex with C's NUL", { pck_crl: `${set.pck_crl}\0` }],
    ["a signature as a list of bytes", { tcb_info_signature: [...Buffer.from(set.tcb_info_signature, "hex")] }],
    ["a URL-encoded chain", { tcb_info_issuer_chain: encodeURIComponent(set.tcb_info_issuer_chain) }],
    [
      "a document with its wrapper",
      { tcb_info: `{"tcbInfo":${set.tcb_info},"signature":"${set.tcb_info_signature}"}`, tcb_info_signature: undefined },
    ],
    [
      "a document with its wrapper and C's NUL",
      { qe_identity: `{"enclaveIdentity":${set.qe_identity},"signature":"${set.qe_identity_signature}"}\0` },
    ],
  ] as const) {
    it(`brings ${name} into one form`, () => {
      expect(parseCollateral({ ...set, ...variant })).toEqual(set);
    });
  }

  it("keeps what is garbage as it is, for the appraisal to judge", () => {
    for (const garbage of ["", "zz", "00", "not a CRL"]) {
      expect(parseCollateral({ ...set, root_ca_crl: garbage })?.root_ca_crl).toBe(garbage);
      expect(parseCollateral({ ...set, tcb_info: garbage })?.tcb_info).toBe(garbage);
      expect(parseCollateral({ ...set, tcb_info_signature: garbage })?.tcb_info_signature).toBe(garbage);
    }
  });

  for (const [field, value] of [
    ["(whole)", []],
    ["(whole)", "x"],
    ...COLLATERAL_MEMBERS.map((name) => [name, { ...set, [name]: undefined }] as const),
    ["tcb_info", { ...set, tcb_info: JSON.parse(set.tcb_info) as object }],
    ["pck_crl", { ...set, pck_crl: [1, 256] }],
    ["pck_crl", { ...set, pck_crl: { hex: "30" } }],
    ["tcb_info_signature", { ...set, tcb_info: `{"tcbInfo":${set.tcb_info},"signature":"${"00".repeat(64)}"}` }],
    ["root_ca_crl", { ...set, root_ca_crl: "0".repeat(3 * 1024 * 1024) }],
  ] as const) {
    it(`names ${field} in ${JSON.stringify(value).slice(0, 60)}`, () => {
      expect(() => parseCollateral(value)).toThrow(
        expect.objectContaining({ name: "CollateralError", code: "collateral_malformed", field }),
      );
    });
  }

  it("throws nothing but its own error", () => {
    const member = fc.oneof(
      fc.constantFrom(...Object.values(set)),
      fc.jsonValue(),
      fc.string().map((text) => `{"tcbInfo":${text}`),
    );
    const sets = fc.record(Object.fromEntries(COLLATERAL_MEMBERS.map((name) => [name, member])), { requiredKeys: [] });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), sets), (value) => {
        try {
          const read = parseCollateral(value);
          if (read) describeCollateral(read);
        } catch (error) {
          expect(error).toBeInstanceOf(CollateralError);
        }
        try {
          describeCollateral(parseCollateralText(JSON.stringify(value)));
        } catch (error) {
          expect(error).toBeInstanceOf(CollateralError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("parseCollateralText", () => {
  it("takes documents that are objects character for character from the text", () => {
    const { tcb_info, qe_identity, ...rest } = set;
    const odd = tcb_info.replace('"version":3', '"version" :\n 3.0');
    const text = `{"tcb_info":${odd},${JSON.stringify(rest).slice(1, -1)}, "qe_identity": ${qe_identity} }`;
    expect(parseCollateralText(text)).toEqual({ ...set, tcb_info: odd });
    expect(parseCollateralText(JSON.stringify(set))).toEqual(set);
  });
});

describe("describeCollateral", () => {
  it("reads for what and until when a set is", () => {
    const days = (count: number) => issuedMs + count * 86_400_000;
    expect(describeCollateral(fakeCollateral({ issuedMs, tcbDays: 30, crlDays: 10 }))).toEqual({
      fmspc: "90c06f000000",
      ca: "platform",
      evaluationNumber: 18,
      tcbIssuedMs: issuedMs,
      validFromMs: issuedMs,
      expiresMs: days(10),
    });
    // The chain's certificate ends with 2049.
    expect(describeCollateral(fakeCollateral({ issuedMs, tcbDays: 9000, crlDays: 9000 })).expiresMs).toBe(
      Date.parse("2049-12-31T23:59:59Z"),
    );
  });

  for (const [field, change] of [
    ["tcb_info", { tcb_info: set.tcb_info.replace('"TDX"', '"SGX"') }],
    ["tcb_info", { tcb_info: set.tcb_info.replace("nextUpdate", "nextupdate") }],
    ["tcb_info", { tcb_info: set.tcb_info.replace("T01:00:00Z", "T25:00:00Z") }],
    ["tcb_info", { tcb_info: set.tcb_info.replace("90C06F000000", "90C06F") }],
    ["tcb_info", { tcb_info: set.tcb_info.replace(":18", ":1.5") }],
    ["qe_identity", { qe_identity: set.qe_identity.replace("TD_QE", "QE") }],
    ["pck_crl", { pck_crl: set.pck_crl.slice(0, -2) }],
    ["root_ca_crl", { root_ca_crl: "" }],
    ["qe_identity_issuer_chain", { qe_identity_issuer_chain: "" }],
  ] as const) {
    it(`names ${field} at fault: ${Object.values(change)[0]?.slice(0, 40)}`, () => {
      expect(() => describeCollateral({ ...set, ...change })).toThrow(expect.objectContaining({ field, code: "collateral_malformed" }));
    });
  }
});
