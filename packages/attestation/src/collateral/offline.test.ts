import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noVectors, readJsonVector, readVector, vectorCases, vectorNames } from "../../../../tests/support/vectors.ts";
import { chainPem, fakeCollateral } from "../testing/fake-collateral.ts";
import { CollateralError } from "./collateral-error.ts";
import { collateralNeed } from "./collateral-need.ts";
import { type CollateralFile, readCollateralPiece } from "./collateral-piece.ts";
import { describeCollateral } from "./describe-collateral.ts";
import { createCollateralLibrary } from "./offline.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.parse("2026-04-24T01:00:00Z");
const need = { fmspc: "90c06f000000", ca: "platform" } as const;
const set = fakeCollateral({ issuedMs: START_MS });
const signed = (member: string, text: string, signature: string) => `{"${member}":${text},"signature":"${signature}"}`;
const tcbAnswer = signed("tcbInfo", set.tcb_info, set.tcb_info_signature);
const qeAnswer = signed("enclaveIdentity", set.qe_identity, set.qe_identity_signature);
const headers = (name: string) =>
  JSON.stringify({ url: "https://example.com", status: 200, headers: { [name]: [encodeURIComponent(chainPem)] } });
const file = (name: string, content: string | Uint8Array): CollateralFile => ({
  name,
  bytes: typeof content === "string" ? new TextEncoder().encode(content) : content,
});
const crl = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

/** As a recorder writes answers: body and headers beside each other. */
const recorded = [
  file("0001_other.body", "<html>"),
  file("0002_tcb.body", tcbAnswer),
  file("0002_tcb.json", headers("Tcb-Info-Issuer-Chain")),
  file("0003_qe.body", qeAnswer),
  file("0003_qe.json", headers("Sgx-Enclave-Identity-Issuer-Chain")),
  file("0004_pckcrl.body", crl(set.pck_crl)),
  file("0004_pckcrl.json", headers("Sgx-Pck-Crl-Issuer-Chain")),
  file("0005_root.body", crl(set.root_ca_crl)),
  file("0005_root.json", JSON.stringify({ url: "https://example.com", headers: {} })),
];

function thrown(run: () => unknown): CollateralError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(CollateralError);
    return error as CollateralError;
  }
  throw new Error("nothing was thrown");
}

describe("a folder", () => {
  it("of recorded answers with their headers gives a set", () => {
    const library = createCollateralLibrary(recorded, "folder");
    expect(library.fmspcs).toEqual(["90c06f000000"]);
    expect(library.select(need, START_MS)).toEqual(set);
  });

  it("of plain files with header dumps, in front or beside, gives the same", () => {
    const dump = (name: string) => `HTTP/1.1 200 OK\r\nContent-Type: x\r\n${name}: ${encodeURIComponent(chainPem)}\r\n\r\n`;
    const files = [
      file("tcb.json", tcbAnswer),
      file("tcb.headers", dump("TCB-Info-Issuer-Chain")),
      file("qe.txt", dump("SGX-Enclave-Identity-Issuer-Chain") + qeAnswer),
      file("crl.bin", Buffer.concat([Buffer.from(dump("SGX-PCK-CRL-Issuer-Chain")), crl(set.pck_crl)])),
      file("root.hex", `${set.root_ca_crl}\n`),
    ];
    expect(createCollateralLibrary(files, "folder").select(need, START_MS)).toEqual(set);
  });

  it("of answers with the chain beside them in JSON gives the same", () => {
    const pem = `-----BEGIN X509 CRL-----\n${Buffer.from(set.pck_crl, "hex").toString("base64")}\n-----END X509 CRL-----\n`;
    const files = [
      file("a", JSON.stringify({ tcb_info_json: tcbAnswer, issuer_chain: chainPem })),
      file("b", JSON.stringify({ enclave_identity_json: qeAnswer, issuer_chain: chainPem })),
      file("c", JSON.stringify({ crl_data: pem, issuer_chain: chainPem })),
      file("d", crl(set.root_ca_crl)),
    ];
    expect(createCollateralLibrary(files, "folder").select(need, START_MS)).toEqual(set);
  });

  it("says which piece is missing, and what to ask for", () => {
    for (const [left, missing] of [
      ["0002", "the TCB info (/tdx/certification/v4/tcb?fmspc=90c06f000000)"],
      ["0003", "the QE identity"],
      ["0004", "the CRL of the PCK platform CA"],
      ["0005", "the root CA's CRL"],
    ] as const) {
      const library = createCollateralLibrary(
        recorded.filter(({ name }) => !name.startsWith(left)),
        "folder",
      );
      expect(thrown(() => library.select(need, START_MS)).message).toContain(`folder: lacks ${missing}`);
    }
  });

  it("says which answer came without its chain", () => {
    for (const left of ["0002_tcb", "0003_qe", "0004_pckcrl"]) {
      const files = recorded.filter(({ name }) => name !== `${left}.json`);
      const error = thrown(() => createCollateralLibrary(files, "folder").select(need, START_MS));
      expect(error).toMatchObject({ code: "collateral_malformed", field: `${left}.body` });
      expect(error.message).toContain("without its issuer chain");
    }
  });

  it("says that there is no collateral, and what to give", () => {
    const error = thrown(() => createCollateralLibrary([file("a", "x"), file("b", ""), file("c.json", '{"x":1}')], "folder"));
    expect(error).toMatchObject({ field: "folder", code: "collateral_malformed" });
    expect(error.message).toContain("give a JSON file with tcb_info");
    expect(thrown(() => createCollateralLibrary([], "folder")).field).toBe("folder");
  });

  it("says for which machines it has some, when it has none for this one", () => {
    const other = fakeCollateral({ issuedMs: START_MS, fmspc: "00806f050000" });
    const files = [file("a.json", JSON.stringify(set)), file("b.json", JSON.stringify(other)), file("c.json", '{"tcb_info":')];
    const library = createCollateralLibrary(files, "folder");
    expect(library.problems.map(({ field }) => field)).toEqual(["c.json"]);
    const error = thrown(() => library.select({ fmspc: "b0c06f000000", ca: "platform" }, START_MS));
    expect(error).toMatchObject({ code: "collateral_mismatch" });
    expect(error.message).toMatch(/FMSPC b0c06f000000 .* only for 90c06f000000, 00806f050000; not read: c\.json/);
    expect(library.select({ fmspc: "00806f050000", ca: "platform" }, START_MS)).toEqual(other);
    expect(thrown(() => library.select({ ...need, ca: "processor" }, START_MS)).code).toBe("collateral_mismatch");
    expect(thrown(() => library.select(undefined, START_MS)).code).toBe("collateral_mismatch");
  });

  it("of several issues gives the one in force, the newest of them, and never a mixture", () => {
    const issues = [0, 10, 20, 60].map((day) => fakeCollateral({ issuedMs: START_MS + day * DAY_MS, evaluationNumber: 18 + day }));
    const library = createCollateralLibrary(
      issues.map((issue, index) => file(`${index}.json`, JSON.stringify(issue))),
      "folder",
    );
    for (const [day, index] of [
      [0, 0],
      [9, 0],
      [10, 1],
      [25, 2],
      [49, 2],
      [55, 2],
      [61, 3],
      [200, 3],
    ] as const) {
      expect(library.select(need, START_MS + day * DAY_MS)).toEqual(issues[index]);
    }
  });
});

describe("one file", () => {
  it("with a set, an answer's endorsements or a store's entry is taken as it is, also for another machine", () => {
    for (const content of [set, { intel_quote: "00", endorsements: set }, { version: 1, key: "k", fetchedMs: 1, collateral: set }]) {
      const library = createCollateralLibrary([file("c.json", JSON.stringify(content))], "c.json");
      expect(library.select(need, START_MS)).toEqual(set);
      expect(library.select({ fmspc: "b0c06f000000", ca: "processor" }, START_MS)).toEqual(set);
      expect(library.select(undefined, START_MS)).toEqual(set);
    }
  });

  it("with garbage in a member is taken as well: the check that owns it fails", () => {
    const damaged = { ...set, pck_crl: "00" };
    expect(createCollateralLibrary([file("c.json", JSON.stringify(damaged))], "c.json").select(need, START_MS)).toEqual(damaged);
  });

  it("that lacks a member is named with it", () => {
    const { qe_identity: _, ...rest } = set;
    const error = thrown(() => createCollateralLibrary([file("c.json", JSON.stringify(rest))], "c.json"));
    expect(error.message).toBe("collateral: c.json: qe_identity is missing");
  });

  it("that is something else is told what is wanted", () => {
    for (const content of ["", "\x89PNG\r\n\x1a\n", '{"intel_quote":"00"}', "[]", "null"]) {
      expect(thrown(() => createCollateralLibrary([file("x", content)], "x")).message).toContain("holds no TDX collateral");
    }
    expect(thrown(() => createCollateralLibrary([file("x", '{"tcb_info":')], "x")).field).toBe("x");
  });
});

describe("any bytes", () => {
  it("make no reader throw anything but its own error", () => {
    const seeds = [
      ...recorded.map(({ bytes }) => bytes),
      new TextEncoder().encode(JSON.stringify(set)),
      new TextEncoder().encode(chainPem),
    ];
    const mutated = fc
      .tuple(fc.constantFrom(...seeds), fc.nat(), fc.uint8Array({ maxLength: 8 }), fc.nat(16))
      .map(([seed, at, put, cut]) => {
        const from = at % (seed.length + 1);
        return new Uint8Array(Buffer.concat([seed.subarray(0, from), put, seed.subarray(from + cut)]));
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated), (bytes) => {
        try {
          readCollateralPiece({ name: "x", bytes });
          createCollateralLibrary([...recorded.slice(2), { name: "x", bytes }], "folder").select(need, START_MS);
        } catch (error) {
          expect(error).toBeInstanceOf(CollateralError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("heads of HTTP answers", () => {
  it("may stand one behind the other, as behind a proxy, and a file of nothing but heads holds nothing", () => {
    const head = "HTTP/1.1 200 Connection established\r\n\r\n";
    const piece = (heads: number) =>
      readCollateralPiece(file("crl", Buffer.concat([Buffer.from(head.repeat(heads)), crl(set.root_ca_crl)])));
    expect(piece(3)).toMatchObject({ kind: "crl" });
    const started = performance.now();
    expect(piece(20_000)).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe.skipIf(noVectors)("real evidence", () => {
  const folder = (path: string) => vectorNames(path).map((name) => file(name, readVector(`${path}/${name}`)));
  const cases = vectorCases<{ quote: string; collateral: string; at: string }>("tdx/real-cases.json");

  it("says what it needs, and finds it among all recorded sets, in force where one is", () => {
    const library = createCollateralLibrary(folder("tdx/collateral"), "tdx/collateral");
    expect(library.problems).toEqual([]);
    let inForce = 0;
    for (const { quote, collateral, at } of cases) {
      const asked = collateralNeed(readVector(`tdx/quotes/${quote}.bin`));
      const named = readJsonVector(`tdx/collateral/${collateral}.json`);
      const single = createCollateralLibrary([file(collateral, readVector(`tdx/collateral/${collateral}.json`))], collateral);
      expect(single.select(asked, Date.parse(at))).toEqual(named);
      if (!asked || !library.fmspcs.includes(asked.fmspc)) continue;
      const selected = describeCollateral(library.select(asked, Date.parse(at)));
      expect(selected.fmspc).toBe(asked.fmspc);
      const wanted = describeCollateral(named as typeof set);
      const covers = (set: typeof wanted) => set.validFromMs <= Date.parse(at) && Date.parse(at) <= set.expiresMs;
      if (wanted.fmspc !== asked.fmspc || !covers(wanted)) continue;
      inForce++;
      expect(covers(selected)).toBe(true);
    }
    expect(inForce).toBeGreaterThan(20);
  });

  it("reads the recorded answers of other tools", () => {
    expect(createCollateralLibrary(folder("pcs"), "pcs").fmspcs).toEqual(["00806f050000"]);
    const sample = createCollateralLibrary(folder("tdx/intel-qvl-sample"), "sample");
    expect(sample.fmspcs).toEqual(["ed742af8adf5"]);
  });

  it("needs nothing for what is not a quote", () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(5000), readVector("tdx/quotes/v4-phala.bin").subarray(0, 1000)]) {
      expect(collateralNeed(bytes)).toBeUndefined();
    }
  });
});
