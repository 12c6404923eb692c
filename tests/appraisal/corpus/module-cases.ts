import type { ModuleIdentity, SimulatorFaults } from "../../../packages/simulator/src/index.ts";
import type { PlatformCase, PlatformFamily } from "../platform-case.ts";

const IDENTITY = "tdx.module-identity";
const STATUS = "tdx.tcb-status";
const SIGNER = "td.seam-signer";
const SHAPE = "tdx.tcb-info-signature";
const DATE = "2026-01-01T00:00:00Z";

const modules = (rewrite: (modules: readonly ModuleIdentity[]) => readonly unknown[] | undefined): SimulatorFaults => ({
  tcbInfo: { content: (info) => ({ ...info, tdxModuleIdentities: rewrite(info.tdxModuleIdentities) }) },
});
const each = (change: (module: ModuleIdentity) => object): SimulatorFaults =>
  modules((all) => all.map((module) => ({ ...module, ...change(module) })));
const level = (isvsvn: number, tcbStatus: string): object => ({ tcb: { isvsvn }, tcbDate: DATE, tcbStatus });
const moduleLevels = (...all: readonly object[]): SimulatorFaults => each(() => ({ tcbLevels: all }));

const identity: readonly PlatformCase[] = [
  { name: "TCB info that knows no TDX module", fails: IDENTITY, faults: modules(() => []) },
  { name: "TCB info that says nothing of TDX modules", fails: IDENTITY, faults: modules(() => undefined) },
  { name: "TCB info that knows another TDX module", fails: IDENTITY, faults: each(() => ({ id: "TDX_03" })) },
  {
    name: "a TDX module of a version that TCB info does not know",
    fails: IDENTITY,
    faults: { teeTcbSvn: "05030200000000000000000000000000" },
  },
  {
    name: "a TDX module named in decimal",
    fails: IDENTITY,
    simulator: { machine: { teeTcbSvn: Buffer.from("050a0200000000000000000000000000", "hex") } },
    faults: each(() => ({ id: "TDX_10" })),
  },
  { name: "a TDX module named with one digit", fails: IDENTITY, faults: each(() => ({ id: "TDX_1" })) },
  {
    name: "a TDX module named in lower case",
    simulator: { machine: { teeTcbSvn: Buffer.from("050a0200000000000000000000000000", "hex") } },
    faults: each(() => ({ id: "tdx_0a" })),
  },
  { name: "a TDX module of version 255", simulator: { machine: { teeTcbSvn: Buffer.from("05ff0200000000000000000000000000", "hex") } } },
  {
    name: "a TDX module below every level",
    fails: IDENTITY,

    faults: { teeTcbSvn: "03010200000000000000000000000000" },
  },
  { name: "a TDX module without levels", fails: IDENTITY, faults: moduleLevels() },
  {
    name: "other TDX modules beside the one in use",
    faults: modules((all) => [{ ...all[0], id: "TDX_03", tcbLevels: [level(0, "Revoked")] }, ...all]),
  },
  { name: "a TDX module that appears twice", fails: SHAPE, faults: modules((all) => [...all, ...all]) },
];

const status: readonly PlatformCase[] = [
  { name: "an outdated TDX module", fails: STATUS, faults: { teeTcbSvn: "04010200000000000000000000000000" } },
  {
    name: "an outdated TDX module, under a policy that accepts it",
    faults: { teeTcbSvn: "04010200000000000000000000000000" },
    tcb: { accept: ["UpToDate", "OutOfDate"] },
  },
  { name: "a revoked TDX module", fails: STATUS, faults: moduleLevels(level(5, "Revoked")) },
  {
    name: "a TDX module of a status that only platforms have",
    fails: STATUS,
    faults: moduleLevels(level(5, "ConfigurationNeeded")),
    tcb: { accept: ["UpToDate", "ConfigurationNeeded"] },
  },
  { name: "a TDX module of a status that nobody knows", fails: STATUS, faults: moduleLevels(level(5, "Fine")) },
  {
    name: "module levels in ascending order, the one reached up to date",
    faults: moduleLevels(level(1, "OutOfDate"), level(5, "UpToDate"), level(9, "OutOfDate")),
  },
  {
    name: "module levels in any order, the one reached out of date",
    fails: STATUS,
    faults: moduleLevels(level(1, "UpToDate"), level(9, "UpToDate"), level(5, "OutOfDate")),
  },
  { name: "a TDX module newer than every level", faults: { teeTcbSvn: "ff010200000000000000000000000000" } },
  { name: "a module level of a security version above 255", fails: SHAPE, faults: moduleLevels(level(256, "UpToDate")) },
  {
    name: "a module level whose security version is a text",
    fails: SHAPE,
    faults: moduleLevels({ ...level(5, "UpToDate"), tcb: { isvsvn: "5" } }),
  },
];

const signer: readonly PlatformCase[] = [
  { name: "a TDX module that Intel did not sign", fails: SIGNER, faults: { mrSignerSeam: `${"00".repeat(47)}01` } },
  {
    name: "a TDX module that Intel did not sign, whose identity agrees",
    fails: SIGNER,
    faults: { mrSignerSeam: "ab".repeat(48), ...each(() => ({ mrsigner: "AB".repeat(48) })) },
  },
  { name: "a module identity of another signer", fails: SIGNER, faults: each(() => ({ mrsigner: "AB".repeat(48) })) },
  { name: "SEAM attributes that are not zero", fails: SIGNER, faults: { seamAttributes: "0100000000000000" } },
  {
    name: "SEAM attributes that are not zero, and not in the mask",
    fails: SIGNER,
    faults: { seamAttributes: "0000000000000080", ...each(() => ({ attributesMask: "0".repeat(16) })) },
  },
  { name: "a module identity of other SEAM attributes", fails: SIGNER, faults: each(() => ({ attributes: "0100000000000000" })) },
  {
    name: "a general module identity of another signer, where the module has its own",
    faults: { tcbInfo: { content: (info) => ({ ...info, tdxModule: { ...info.tdxModule, mrsigner: "AB".repeat(48) } }) } },
  },
  {
    name: "a general module identity of another signer, where the module has none of its own",
    fails: SIGNER,
    simulator: { machine: { teeTcbSvn: Buffer.from("05000200000000000000000000000000", "hex") } },
    faults: { tcbInfo: { content: (info) => ({ ...info, tdxModule: { ...info.tdxModule, mrsigner: "AB".repeat(48) } }) } },
  },
  { name: "a module identity whose signer is cut short", fails: SHAPE, faults: each(() => ({ mrsigner: "00" })) },
];

export const moduleCases: PlatformFamily = { family: "TDX module", cases: [...identity, ...status, ...signer] };
