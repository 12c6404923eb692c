import type { PlatformLevel, SimulatorFaults, TcbInfo } from "../../../packages/simulator/src/index.ts";
import type { PlatformCase, PlatformFamily } from "../platform-case.ts";
import { omit } from "../omit.ts";

const STATUS = "tdx.tcb-status";
const SHAPE = "tdx.tcb-info-signature";
type Kind = "sgxtcbcomponents" | "tdxtcbcomponents";

const tcbInfo = (content: (info: TcbInfo) => unknown): SimulatorFaults => ({ tcbInfo: { content } });
const levels = (rewrite: (levels: readonly PlatformLevel[]) => readonly unknown[]): SimulatorFaults =>
  tcbInfo((info) => ({ ...info, tcbLevels: rewrite(info.tcbLevels) }));
const svns = (values: readonly number[]) => values.map((svn) => ({ svn }));

/** Changes one component of every level. */
function component(kind: Kind, index: number, change: (svn: number) => unknown): SimulatorFaults {
  return levels((all) =>
    all.map((level) => ({
      ...level,
      tcb: { ...level.tcb, [kind]: level.tcb[kind].map((entry, at) => (at === index ? { ...entry, svn: change(entry.svn) } : entry)) },
    })),
  );
}

/** Replaces the components of every level. */
function vector(kind: Kind, rewrite: (components: readonly { readonly svn: number }[]) => readonly unknown[]): SimulatorFaults {
  return levels((all) => all.map((level) => ({ ...level, tcb: { ...level.tcb, [kind]: rewrite(level.tcb[kind]) } })));
}

const certified = (svn: (index: number) => number): SimulatorFaults => ({
  certifiedMachine: { componentSvns: Array.from({ length: 16 }, (_, index) => svn(index)) },
});
/** What the simulated machine has. */
const MACHINE = [2, 2, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];

/** A level with the SGX components of `base`, and its own status. */
const level = (base: PlatformLevel, tcbStatus: string, change: Partial<PlatformLevel["tcb"]> = {}): PlatformLevel => ({
  ...base,
  tcb: { ...base.tcb, ...change },
  tcbStatus,
});

const first = (all: readonly PlatformLevel[]): PlatformLevel => {
  const [top] = all;
  if (!top) throw new Error("the simulator's TCB info has no level");
  return top;
};

/** Three levels by PCESVN, the machine being on the middle one, which is out of date. */
const between = (order: readonly number[]): SimulatorFaults =>
  levels((all) => {
    const base = first(all);
    const three = [
      level(base, "UpToDate", { pcesvn: 12 }),
      level(base, "OutOfDate", { pcesvn: 11 }),
      level(base, "UpToDate", { pcesvn: 5 }),
    ];
    return order.map((index) => three[index]);
  });

const malformed: readonly (readonly [string, SimulatorFaults])[] = [
  ["fifteen SGX components", vector("sgxtcbcomponents", (all) => all.slice(0, 15))],
  ["seventeen SGX components", vector("sgxtcbcomponents", (all) => [...all, { svn: 0 }])],
  ["fifteen TDX components", vector("tdxtcbcomponents", (all) => all.slice(0, 15))],
  ["no TDX components", vector("tdxtcbcomponents", () => [])],
  ["seventeen TDX components", vector("tdxtcbcomponents", (all) => [...all, { svn: 0 }])],
  ["a component without an SVN", vector("sgxtcbcomponents", (all) => [{}, ...all.slice(1)])],
  ["a component that is a number", vector("sgxtcbcomponents", (all) => [0, ...all.slice(1)])],
  ["an SVN of 256", component("sgxtcbcomponents", 0, () => 256)],
  ["a negative SVN", component("tdxtcbcomponents", 3, () => -1)],
  ["an SVN with a fraction", component("tdxtcbcomponents", 3, (svn) => svn - 0.5)],
  ["an SVN in quotes", component("sgxtcbcomponents", 0, (svn) => `${svn}`)],
  ["an SVN of null", component("sgxtcbcomponents", 0, () => null)],
  ["a negative PCESVN", levels((all) => all.map((each) => ({ ...each, tcb: { ...each.tcb, pcesvn: -1 } })))],
  ["no PCESVN", levels((all) => all.map((each) => ({ ...each, tcb: omit(each.tcb, "pcesvn") })))],
  ["a level without a status", levels((all) => all.map((each) => omit(each, "tcbStatus")))],
  ["a level without components", levels((all) => [...all, { tcb: { pcesvn: 0 }, tcbDate: "2020-01-01T00:00:00Z", tcbStatus: "UpToDate" }])],
  ["levels that are an object", tcbInfo((info) => ({ ...info, tcbLevels: { ...info.tcbLevels } }))],
];

const platform: readonly PlatformCase[] = [
  { name: "TCB info of another platform", fails: STATUS, faults: { certifiedMachine: { fmspc: Buffer.from("00806f050000", "hex") } } },
  { name: "TCB info of another PCE", fails: STATUS, faults: { certifiedMachine: { pceId: Buffer.from("0001", "hex") } } },
  { name: "TCB info that writes FMSPC in lower case", faults: tcbInfo((info) => ({ ...info, fmspc: info.fmspc.toLowerCase() })) },
  { name: "TCB info without levels", fails: STATUS, faults: levels(() => []) },
  ...MACHINE.flatMap((svn, index): PlatformCase[] =>
    svn === 0
      ? []
      : [
          {
            name: `a machine whose SGX component ${index} alone is one too low`,
            fails: STATUS,
            faults: certified((at) => (MACHINE[at] ?? 0) - (at === index ? 1 : 0)),
          },
        ],
  ),
  { name: "a machine that is higher in every SGX component", faults: certified((at) => (MACHINE[at] ?? 0) + 7) },
  {
    name: "a machine that is lower in the last SGX component and higher in all others",
    fails: STATUS,
    faults: { ...component("sgxtcbcomponents", 15, () => 1), ...certified((at) => (at === 15 ? 0 : 200)) },
  },
  { name: "a machine whose PCESVN is one too low", fails: STATUS, faults: { certifiedMachine: { pceSvn: 10 } } },
  { name: "a machine whose PCESVN is below every level", fails: STATUS, faults: { certifiedMachine: { pceSvn: 4 } } },
  { name: "a machine with a high PCESVN of two bytes", faults: { certifiedMachine: { pceSvn: 300 } } },
  { name: "a SEAM loader that is one too low", fails: STATUS, faults: component("tdxtcbcomponents", 2, (svn) => svn + 1) },
  { name: "the last TDX component one too low", fails: STATUS, faults: component("tdxtcbcomponents", 15, () => 1) },
];

const order: readonly PlatformCase[] = [
  ...[
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
    [2, 0, 1],
  ].map((order): PlatformCase => ({
    name: `levels in the order ${order.join(", ")}, the one reached out of date`,
    fails: STATUS,
    faults: between(order),
  })),
  {
    name: "levels turned around, the one reached up to date",
    faults: levels((all) => all.toReversed()),
  },
  {
    name: "a lower level that is in better order than the one reached",
    fails: STATUS,
    faults: levels((all) => [level(first(all), "UpToDate", { pcesvn: 1 }), level(first(all), "OutOfDate")]),
  },
  {
    name: "levels of which the SGX components decide before PCESVN does",
    fails: STATUS,
    // In Intel's order the second one is higher, though its PCESVN is lower.
    faults: levels((all) => [
      level(first(all), "UpToDate", { pcesvn: 11, sgxtcbcomponents: svns([1, 2, ...Array.from({ length: 14 }, () => 0)]) }),
      level(first(all), "OutOfDate", { pcesvn: 3 }),
    ]),
  },
  {
    name: "levels of which PCESVN decides before the TDX components do",
    fails: STATUS,
    faults: levels((all) => [
      level(first(all), "UpToDate", { pcesvn: 5 }),
      level(first(all), "OutOfDate", { pcesvn: 11, tdxtcbcomponents: svns(Array.from({ length: 16 }, () => 0)) }),
    ]),
  },
  {
    name: "levels that differ in TDX components alone",
    fails: STATUS,
    faults: levels((all) => [
      level(first(all), "UpToDate", { tdxtcbcomponents: svns(Array.from({ length: 16 }, () => 0)) }),
      level(first(all), "OutOfDate"),
    ]),
  },
  {
    name: "a TDX module with a version: the first two TDX components do not count",
    faults: { ...component("tdxtcbcomponents", 0, () => 255) },
  },
  { name: "a TDX module with a version: a second TDX component does not count", faults: component("tdxtcbcomponents", 1, () => 255) },
  {
    name: "a TDX module without a version: the first TDX component counts",
    fails: STATUS,
    simulator: { machine: { teeTcbSvn: Buffer.from("05000200000000000000000000000000", "hex") } },
    faults: component("tdxtcbcomponents", 0, () => 6),
  },
  {
    name: "a TDX module without a version: the second TDX component counts",
    fails: STATUS,
    simulator: { machine: { teeTcbSvn: Buffer.from("05000200000000000000000000000000", "hex") } },
    faults: component("tdxtcbcomponents", 1, () => 1),
  },
  {
    name: "a TDX module without a version, and TCB info without module identities",
    simulator: { machine: { teeTcbSvn: Buffer.from("05000200000000000000000000000000", "hex") } },
    faults: tcbInfo((info) => omit(info, "tdxModuleIdentities")),
  },
];

const status = (tcbStatus: string): SimulatorFaults => levels((all) => all.map((each) => ({ ...each, tcbStatus })));

const statuses: readonly PlatformCase[] = [
  ...["SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate", "OutOfDateConfigurationNeeded"].flatMap(
    (each): PlatformCase[] => [
      { name: `a platform that is ${each}`, fails: STATUS, faults: status(each) },
      {
        name: `a platform that is ${each}, under a policy that accepts it`,
        faults: status(each),
        tcb: { accept: ["UpToDate", each as "OutOfDate"] },
      },
    ],
  ),
  { name: "a revoked platform", fails: STATUS, faults: status("Revoked") },
  {
    name: "a revoked platform, whatever the policy accepts",
    fails: STATUS,
    faults: status("Revoked"),
    tcb: { accept: ["UpToDate", "OutOfDate", "Revoked"] },
  },
  { name: "a platform of a status that nobody knows", fails: STATUS, faults: status("Excellent") },
  { name: "a platform of a status in other letters", fails: STATUS, faults: status("uptodate") },
  {
    name: "a platform of a status that only an appraisal gives",
    fails: STATUS,
    faults: status("TDRelaunchAdvised"),
    tcb: { accept: ["UpToDate", "TDRelaunchAdvised"] },
  },
];

const advisories: readonly PlatformCase[] = [
  {
    name: "an advisory that the policy does not refuse",
    faults: levels((all) => all.map((each) => ({ ...each, advisoryIDs: ["INTEL-SA-00837"] }))),
    tcb: { refuse_advisories: ["INTEL-SA-00960"] },
  },
  {
    name: "an advisory that the policy refuses, on a platform that is up to date",
    fails: "tdx.advisories",
    faults: levels((all) => all.map((each) => ({ ...each, advisoryIDs: ["INTEL-SA-00837"] }))),
    tcb: { refuse_advisories: ["INTEL-SA-00837"] },
  },
  {
    name: "a refused advisory of the TDX module's level",
    fails: "tdx.advisories",
    faults: tcbInfo((info) => ({
      ...info,
      tdxModuleIdentities: info.tdxModuleIdentities.map((each) => ({
        ...each,
        tcbLevels: each.tcbLevels.map((entry) => ({ ...entry, advisoryIDs: ["INTEL-SA-01036"] })),
      })),
    })),
    tcb: { refuse_advisories: ["INTEL-SA-01036"] },
  },
  {
    name: "a refused advisory of the quoting enclave's level",
    fails: "tdx.advisories",
    faults: {
      qeIdentity: {
        content: (identity) => ({
          ...identity,
          tcbLevels: identity.tcbLevels.map((entry) => ({ ...entry, advisoryIDs: ["INTEL-SA-00477"] })),
        }),
      },
    },
    tcb: { refuse_advisories: ["INTEL-SA-00477"] },
  },
];

export const tcbLevelCases: PlatformFamily = {
  family: "TCB levels",
  cases: [
    ...platform,
    ...order,
    ...statuses,
    ...advisories,
    ...malformed.map(([name, faults]): PlatformCase => ({ name: `signed TCB info with ${name}`, fails: SHAPE, faults })),
  ],
};
