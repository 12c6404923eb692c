import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noVectors, readJsonVector, vectorNames } from "../../../../tests/support/vectors.ts";
import type { QeIdentity } from "./qe-identity.ts";
import { verifyQuotingEnclave } from "./quoting-enclave.ts";
import { failed, notChecked, passed } from "../result.ts";

const SIGNER = "dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5";
const signed = passed("tdx.qe-report-signature", "signed");

/** The report of a well-behaved quoting enclave, with bytes overwritten at offsets. */
function report(...changes: readonly (readonly [offset: number, bytes: readonly number[]])[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(384);
  bytes.set([0x15, 0, 0, 0, 0, 0, 0, 0, 0xe7], 48);
  bytes.set(Buffer.from(SIGNER, "hex"), 128);
  bytes.set([2, 0, 4, 0], 256);
  for (const [offset, change] of changes) bytes.set(change, offset);
  return bytes;
}

describe("verifyQuotingEnclave", () => {
  it("passes Intel's, and says what it did not compare", () => {
    const finding = verifyQuotingEnclave(report(), signed);
    expect(finding.status).toBe("pass");
    expect(finding.reason).toContain("Intel's identity of it was not compared");
  });

  const identity: QeIdentity = {
    fromMs: 0,
    untilMs: 0,
    number: 1n,
    miscSelect: "00000000",
    miscSelectMask: "ffffffff",
    attributes: "11000000000000000000000000000000",
    attributesMask: "fbffffffffffffff0000000000000000",
    mrSigner: SIGNER,
    isvProdId: 2,
    levels: [],
  };

  it("lets a signed identity decide, and says so", () => {
    const finding = verifyQuotingEnclave(report(), signed, identity);
    expect(finding).toMatchObject({ status: "pass", reason: expect.stringContaining("as Intel's identity of it says") as string });
    const other = verifyQuotingEnclave(report([128, [1]], [256, [3]]), signed, {
      ...identity,
      mrSigner: `01${SIGNER.slice(2)}`,
      isvProdId: 3,
    });
    expect(other.status).toBe("pass");
  });

  for (const [what, changes, stated] of [
    ["another signer", [[128, [0]]], {}],
    ["another product", [[256, [3]]], {}],
    ["an attribute under the mask", [[49, [1]]], {}],
    ["MISCSELECT under the mask", [[16, [1]]], {}],
    // The identity's text is in the order of the report's bytes; read as a number it would be 00000001 in both.
    ["MISCSELECT in the other byte order", [[16, [0, 0, 0, 1]]], { miscSelect: "01000000" }],
    ["debug mode, also where the identity asks for it", [[48, [0x13]]], { attributes: `13${"0".repeat(30)}` }],
    ["an enclave never initialised, also where the identity asks for it", [[48, [0x10]]], { attributes: `10${"0".repeat(30)}` }],
    ["an identity that demands what its own mask leaves out", [], { attributes: `15${"0".repeat(30)}` }],
  ] as const) {
    it(`fails ${what}, against a signed identity`, () => {
      expect(verifyQuotingEnclave(report(...changes), signed, { ...identity, ...stated }).status).toBe("fail");
    });
  }

  it("passes a report that is a view into other bytes", () => {
    const around = new Uint8Array(500).fill(0xff);
    around.set(report(), 77);
    expect(verifyQuotingEnclave(around.subarray(77, 77 + 384), signed).status).toBe("pass");
  });

  for (const [what, change, reason] of [
    ["another signer", [128, [0]], "MRSIGNER 009e2a7c"],
    ["a signer that differs in its last byte", [159, [0]], "not Intel's"],
    ["no signer", [128, Array.from({ length: 32 }, () => 0)], "not Intel's"],
    ["the quoting enclave for SGX", [256, [1, 0]], "ISVPRODID is 1, not 2"],
    ["a product number that differs in its second byte", [257, [1]], "ISVPRODID is 258, not 2"],
    ["debug mode", [48, [0x17]], "debug mode"],
    ["an enclave that was never initialised", [48, [0x14]], "never initialised"],
  ] as const) {
    it(`fails ${what}`, () => {
      const finding = verifyQuotingEnclave(report(change), signed);
      expect(finding).toMatchObject({ id: "tdx.qe-identity-match", status: "fail" });
      expect(finding.reason).toContain(reason);
    });
  }

  it("names every fault at once", () => {
    const { reason } = verifyQuotingEnclave(new Uint8Array(384).fill(0x02), signed);
    for (const part of ["MRSIGNER", "ISVPRODID is 514", "debug mode", "never initialised"]) expect(reason).toContain(part);
  });

  it("says nothing about a report that nobody is proven to have signed", () => {
    for (const doubt of [failed("tdx.qe-report-signature", "no"), notChecked("tdx.qe-report-signature", "no")]) {
      const finding = verifyQuotingEnclave(report(), doubt);
      expect(finding).toMatchObject({ id: "tdx.qe-identity-match", status: "not-checked" });
      expect(finding.reason).toContain("tdx.qe-report-signature");
    }
  });

  it("notices any change of signer, product or debug bit, and no other", () => {
    fc.assert(
      fc.property(fc.nat(383), fc.integer({ min: 1, max: 255 }), (offset, mask) => {
        const bytes = report();
        bytes[offset] = (bytes[offset] ?? 0) ^ mask;
        const matters = (offset >= 128 && offset < 160) || offset === 256 || offset === 257 || (offset === 48 && (mask & 3) !== 0);
        expect(verifyQuotingEnclave(bytes, signed).status).toBe(matters ? "fail" : "pass");
      }),
      { numRuns: 2000 },
    );
  });
});

describe.skipIf(noVectors)("recorded QE identities that Intel signed", () => {
  interface Identity {
    readonly id: string;
    readonly mrsigner: string;
    readonly isvprodid: number;
    readonly attributes: string;
    readonly attributesMask: string;
  }
  const files = vectorNames("tdx/collateral").filter((name) => name.endsWith(".json"));
  const recorded = (): readonly (readonly [string, Identity])[] => [
    ...files.map((file) => {
      const { qe_identity } = readJsonVector(`tdx/collateral/${file}`) as { qe_identity: string };
      return [file, JSON.parse(qe_identity) as Identity] as const;
    }),
    ["capture", (readJsonVector(CAPTURED_IDENTITY) as { enclaveIdentity: Identity }).enclaveIdentity],
  ];

  it("are 14, and all demand what is demanded here", () => {
    expect(recorded()).toHaveLength(14);
    for (const [file, identity] of recorded()) {
      const [mask = 0] = Buffer.from(identity.attributesMask, "hex");
      const [attributes = 0] = Buffer.from(identity.attributes, "hex");
      expect({ file, ...identity }).toMatchObject({ id: "TD_QE", mrsigner: SIGNER.toUpperCase(), isvprodid: 2 });
      // INIT and DEBUG are both judged, and have to be 1 and 0.
      expect([mask & 3, attributes & 3]).toEqual([3, 1]);
    }
  });
});

const CAPTURED_IDENTITY = "venice-2026-04-24/0003_api.trustedservices.intel.com_tdx_certification_v4_qe_identity.body";
