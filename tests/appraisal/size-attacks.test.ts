import { describe, expect, it } from "vitest";
import { extension } from "../../packages/simulator/src/certificates.ts";
import { sequence } from "../../packages/simulator/src/der-writer.ts";
import { failing, judgePlatform, mintPlatform, type PlatformCase } from "./platform-case.ts";

const MAX_MS = 100;
const MEGABYTE = 1024 * 1024;

/** Sequences in sequences: `depth` of them. */
function nested(depth: number): Buffer {
  let der: Buffer = sequence();
  for (let level = 1; level < depth; level++) der = sequence(der);
  return der;
}

const deepExtension = extension("1.3.6.1.4.1.99999.1", nested(1000));
const deepJson = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
const many = <T>(count: number, entry: T): readonly T[] => Array.from({ length: count }, () => entry);
const claimsLength = (...length: readonly number[]) => Buffer.from([0x30, ...length, 0x30, 0x00]);

const attacks: readonly PlatformCase[] = [
  { name: "a quote of a megabyte", fails: "tdx.parse", faults: { quoteBytes: (quote) => Buffer.concat([quote], MEGABYTE) } },
  { name: "a quote of a megabyte of junk", fails: "tdx.parse", faults: { quoteBytes: () => Buffer.alloc(MEGABYTE, 0x5a) } },
  {
    name: "a chain of eight thousand begin lines",
    fails: "tdx.pck-chain",
    faults: { pckChainText: () => "-----BEGIN CERTIFICATE-----\n".repeat(2000) },
  },
  {
    name: "a chain of one certificate and white space",
    fails: "tdx.pck-chain",
    faults: { pckChainText: (pem) => `${pem.slice(0, 1000)}${"\n".repeat(50_000)}` },
  },
  {
    name: "a chain with white space and a letter behind it",
    fails: "tdx.pck-chain",
    faults: { pckChainText: (pem) => `${pem}${"\n".repeat(50_000)}x` },
  },
  {
    name: "a chain with white space and a letter before it",
    fails: "tdx.pck-chain",
    faults: { pckChainText: (pem) => `${" ".repeat(50_000)}x${pem}` },
  },
  {
    name: "a chain of letters and line feeds by turns",
    fails: "tdx.pck-chain",
    faults: { pckChainText: () => `-----BEGIN CERTIFICATE-----${"A\n".repeat(27_000)}=` },
  },
  {
    name: "a chain of padding alone",
    fails: "tdx.pck-chain",
    faults: { pckChainText: () => `-----BEGIN CERTIFICATE-----A${"= ".repeat(27_000)}` },
  },
  {
    name: "a chain of base64 without an end",
    fails: "tdx.pck-chain",
    faults: { pckChainText: () => `-----BEGIN CERTIFICATE-----\n${"A".repeat(55_000)}` },
  },
  { name: "a chain of fifty certificates", fails: "tdx.pck-chain", faults: { pckChain: many(50, "pck-ca") } },
  {
    name: "a PCK certificate with an extension a thousand deep, which nothing reads",
    faults: { certificates: { pck: { extensions: (all) => [...all, deepExtension] } } },
  },
  {
    name: "a PCK certificate whose basicConstraints are a thousand deep",
    fails: "tdx.pck-chain",
    faults: { certificates: { pck: { basicConstraints: nested(1000) } } },
  },
  {
    name: "a PCK certificate with a hundred extensions",
    fails: "tdx.pck-chain",
    faults: {
      certificates: {
        pck: { extensions: (all) => [...all, ...many(100, 0).map((_, n) => extension(`1.3.6.1.4.1.99999.${n + 2}`, sequence()))] },
      },
    },
  },
  {
    name: "a PCK certificate with a serial number of four kilobytes, where 20 bytes are the most",
    fails: "tdx.pck-chain",
    faults: { certificates: { pck: { serial: Buffer.alloc(4096, 0x7f) } } },
  },
  { name: "a revocation list of a megabyte", fails: "tdx.pck-crl", faults: { pckCrl: { fillerEntries: 18_000 } } },
  { name: "a root list of a megabyte", fails: "tdx.root-crl", faults: { rootCrl: { fillerEntries: 18_000 } } },
  {
    name: "a revocation list of a megabyte of junk",
    fails: "tdx.pck-crl",
    faults: { pckCrl: { der: () => Buffer.alloc(MEGABYTE, 0x30) } },
  },
  {
    name: "a revocation list that claims four gigabytes",
    fails: "tdx.pck-crl",
    faults: { pckCrl: { der: () => claimsLength(0x84, 0xff, 0xff, 0xff, 0xff) } },
  },
  {
    name: "a revocation list that claims more than any length",
    fails: "tdx.pck-crl",
    faults: { pckCrl: { der: () => claimsLength(0xfe, ...many(126, 0xff)) } },
  },
  {
    name: "a revocation list of sequences a hundred thousand deep",
    fails: "tdx.pck-crl",
    faults: { pckCrl: { der: () => Buffer.from("3080".repeat(100_000), "hex") } },
  },
  {
    name: "a revocation list whose number has two hundred bytes",
    fails: "tdx.pck-crl",
    faults: { pckCrl: { extensions: ([, keyId]) => [crlNumber(200), ...(keyId ? [keyId] : [])] } },
  },
  {
    name: "TCB info of ten thousand levels",
    fails: "tdx.tcb-info-signature",
    faults: { tcbInfo: { content: (info) => ({ ...info, tcbLevels: many(10_000, info.tcbLevels[0]) }) } },
  },
  {
    name: "TCB info of ten thousand small levels",
    fails: "tdx.tcb-info-signature",
    faults: { tcbInfo: { content: (info) => ({ ...info, tcbLevels: many(10_000, {}) }) } },
  },
  {
    name: "TCB info of a thousand TDX modules",
    fails: "tdx.tcb-info-signature",
    faults: { tcbInfo: { content: (info) => ({ ...info, tdxModuleIdentities: many(1000, info.tdxModuleIdentities[0]) }) } },
  },
  {
    name: "TCB info with ten thousand advisories",
    fails: "tdx.tcb-info-signature",
    faults: {
      tcbInfo: {
        content: (info) => ({
          ...info,
          tcbLevels: info.tcbLevels.map((level) => ({ ...level, advisoryIDs: many(10_000, "INTEL-SA-00001") })),
        }),
      },
    },
  },
  { name: "TCB info of lists a hundred thousand deep", fails: "tdx.tcb-info-signature", faults: { tcbInfo: { text: () => deepJson } } },
  {
    name: "TCB info of five megabytes",
    fails: "tdx.tcb-info-signature",
    faults: { tcbInfo: { text: (json) => `${json}${" ".repeat(5 * MEGABYTE)}` } },
  },
  {
    name: "a QE identity of lists a hundred thousand deep",
    fails: "tdx.qe-identity-signature",
    faults: { qeIdentity: { text: () => deepJson } },
  },
  {
    name: "a QE identity of ten thousand levels",
    fails: "tdx.qe-identity-signature",
    faults: { qeIdentity: { content: (identity) => ({ ...identity, tcbLevels: many(10_000, identity.tcbLevels[0]) }) } },
  },
  {
    name: "a signature of a megabyte",
    fails: "tdx.tcb-info-signature",
    faults: { tcbInfo: { signature: () => Buffer.alloc(MEGABYTE, 0x11) } },
  },
  {
    name: "an issuer chain of five megabytes",
    fails: "tdx.tcb-info-signature",
    faults: { collateral: (all) => ({ ...all, tcb_info_issuer_chain: "-----BEGIN CERTIFICATE-----".repeat(200_000) }) },
  },
];

function crlNumber(bytes: number): Buffer {
  return extension("2.5.29.20", Buffer.concat([Buffer.of(0x02, 0x81, bytes), Buffer.alloc(bytes, 0x7f)]));
}

describe("size attacks", () => {
  for (const each of attacks) {
    it(`${each.fails ? `fails ${each.fails}` : "passes"} within ${MAX_MS} ms for ${each.name}`, async () => {
      const minted = await mintPlatform(each);
      void minted.simulator.collateral;
      // The least of three: other processes on this machine may only make it longer.
      const times: number[] = [];
      for (let round = 0; round < 3; round++) {
        const started = performance.now();
        const { findings } = await judgePlatform(minted, each);
        times.push(performance.now() - started);
        expect(failing(findings)).toEqual(each.fails ? [each.fails] : []);
      }
      expect(Math.min(...times)).toBeLessThan(MAX_MS);
    });
  }
});
