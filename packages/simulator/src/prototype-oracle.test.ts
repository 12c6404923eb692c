import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { skipUnless, vectorPath } from "../../../tests/support/vectors.ts";
import { createSimulator, type SimulatorOptions } from "./simulator.ts";

const folder = vectorPath("../prototype/");
const noOracle = skipUnless(
  existsSync(`${folder}tdx.ts`),
  "oracle",
  "the measuring prototype lies beside the checkout in ../shared/prototype",
);
const NOW_MS = Date.parse("2026-11-20T12:00:00Z");
const DAY_MS = 86_400_000;

interface Oracle {
  readonly verifyQuote: (
    quote: Uint8Array,
    collateral: unknown,
    nowMs: number,
    root: unknown,
    crypto: unknown,
  ) => Promise<{ status: string; advisories: string[]; fmspc: string }>;
  readonly parseCert: (der: Uint8Array) => unknown;
  readonly webcrypto: unknown;
}

async function loadOracle(): Promise<Oracle> {
  const load = async (file: string) => (await import(/* @vite-ignore */ `${folder}${file}`)) as Partial<Oracle>;
  return { ...(await load("tdx.ts")), ...(await load("x509.ts")), ...(await load("backends.ts")) } as Oracle;
}

/** What another strict verifier, which reads all collateral, makes of the simulator's quote. */
async function judge(
  options: Omit<SimulatorOptions, "nowMs"> = {},
  atMs = NOW_MS,
  change: (collateral: Record<string, string>) => object = (same) => same,
) {
  const oracle = await loadOracle();
  const simulator = createSimulator({ nowMs: NOW_MS, ...options });
  const quote = new Uint8Array(await simulator.quote(new Uint8Array(64).fill(7)));
  const root = oracle.parseCert(simulator.rootDer);
  return oracle.verifyQuote(quote, change(await simulator.endorsements()), atMs, root, oracle.webcrypto);
}

describe.skipIf(noOracle)("a strict verifier that was not written here", () => {
  it("accepts the simulator's quote with its TCB info, QE identity and revocation lists", async () => {
    expect(await judge()).toMatchObject({ status: "UpToDate", advisories: [], fmspc: "53494d000000" });
  });

  const variants: readonly (readonly [string, Omit<SimulatorOptions, "nowMs">])[] = [
    ["version 5 with a TD 1.0 report", { quoteFormat: "v5-td10" }],
    ["version 5 with a TD 1.5 report", { quoteFormat: "v5-td15" }],
    ["a machine under the Processor CA", { pckCa: "processor" }],
    ["another machine", { machine: { fmspc: Buffer.from("00a06f000000", "hex"), pceId: Buffer.from("0001", "hex"), pceSvn: 300 } }],
    ["a TDX module of version 0", { machine: { teeTcbSvn: Buffer.from("05000200000000000000000000000000", "hex") } }],
  ];
  for (const [what, options] of variants) {
    it(`accepts ${what}`, async () => {
      expect((await judge(options)).status).toBe("UpToDate");
    });
  }

  it("accepts collateral that was issued again later", async () => {
    const oracle = await loadOracle();
    const simulator = createSimulator({ nowMs: NOW_MS });
    const atMs = NOW_MS + 100 * DAY_MS;
    const quote = new Uint8Array(await simulator.quote(new Uint8Array(64)));
    const verdict = oracle.verifyQuote(quote, simulator.issueCollateral(atMs), atMs, oracle.parseCert(simulator.rootDer), oracle.webcrypto);
    expect((await verdict).status).toBe("UpToDate");
  });

  const refusals: readonly (readonly [string, string, Omit<SimulatorOptions, "nowMs">, number?])[] = [
    ["debug", "TD_DEBUG", { debug: true }],
    ["an expired TCB signer", "CERT_TIME", { faults: { expiredCertificate: "tcb-signing" } }],
    ["an expired PCK", "CERT_TIME", { faults: { expiredCertificate: "pck" } }],
    ["a foreign root", "ROOT_MISMATCH", { faults: { foreignRoot: true } }],
    ["a foreign PCK", "QE_REPORT_SIGNATURE", { faults: { foreignPck: true } }],
    ["a foreign attestation key", "QE_REPORT_DATA", { faults: { foreignAttestationKey: true } }],
    ["a quoting enclave of another signer", "QE_IDENTITY_MISMATCH", { faults: { qeMrSigner: "ab".repeat(32) } }],
    ["a quoting enclave that is another product", "QE_IDENTITY_MISMATCH", { faults: { qeProductId: 1 } }],
    ["a quoting enclave under debug", "QE_IDENTITY_MISMATCH", { faults: { qeDebug: true } }],
    ["a foreign signer", "QUOTE_SIGNATURE", { faults: { foreignQuoteSigner: true } }],
    ["collateral past its time", "PCK_CRL_TIME", {}, NOW_MS + 31 * DAY_MS],
    ["a withdrawn PCK certificate", "PCK_REVOKED", { faults: { pckCrl: { revoked: ["pck"] } } }],
    ["a withdrawn PCK CA", "CERT_REVOKED", { faults: { rootCrl: { revoked: ["pck-ca"] } } }],
    ["a withdrawn TCB signer", "CERT_REVOKED", { faults: { rootCrl: { revoked: ["tcb-signing"] } } }],
    ["a revocation list by a stranger", "bad signature", { faults: { pckCrl: { foreignSigner: true } } }],
    ["a root list in place of the PCK CA's", "issuer name mismatch", { faults: { pckCrl: { issuer: "root" } } }],
    ["TCB info signed by a stranger", "TCB_INFO_SIGNATURE", { faults: { tcbInfo: { signer: "stranger" } } }],
    ["TCB info signed by a PCK", "TCB_INFO_CHAIN", { faults: { tcbInfo: { signer: "pck" } } }],
    ["TCB info of another platform", "FMSPC", { faults: { certifiedMachine: { fmspc: Buffer.from("00806f000000", "hex") } } }],
    ["an older quoting enclave", "QE_TCB_NOT_SUPPORTED", { faults: { qeSvn: 1 } }],
    ["a TDX module of another version", "TDX_MODULE", { faults: { teeTcbSvn: "05030200000000000000000000000000" } }],
    ["a TDX module of another signer", "TDX_MODULE_MISMATCH", { faults: { mrSignerSeam: "01".repeat(48) } }],
    ["a service TD", "SERVICE_TD", { quoteFormat: "v5-td15", faults: { mrServiceTd: "01".repeat(48) } }],
  ];
  for (const [what, code, options, atMs] of refusals) {
    it(`refuses ${what} with ${code}`, async () => {
      await expect(judge(options, atMs)).rejects.toThrow(code);
    });
  }

  it("refuses TCB info of which one character was changed", async () => {
    const change = (collateral: Record<string, string>) => ({
      ...collateral,
      tcb_info: collateral["tcb_info"]?.replace("UpToDate", "upToDate"),
    });
    await expect(judge({}, NOW_MS, change)).rejects.toThrow("TCB_INFO_SIGNATURE");
  });
});
