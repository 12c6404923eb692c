import { describe, expect, it } from "vitest";
import { ACCEPTABLE_TCB_STATUSES, type TcbStatus } from "../../packages/attestation/src/policy/tcb-status.ts";
import type { PlatformLevel, SimulatorFaults, TcbInfo } from "../../packages/simulator/src/index.ts";
import { failing, judgePlatform, mintPlatform, type PlatformCase } from "./platform-case.ts";

const svn = (head: string): string => head.padEnd(32, "0");
const tcbInfo = (content: (info: TcbInfo) => unknown): SimulatorFaults => ({ tcbInfo: { content } });
const levels = (rewrite: (level: PlatformLevel) => readonly PlatformLevel[]): SimulatorFaults =>
  tcbInfo((info) => ({ ...info, tcbLevels: info.tcbLevels.slice(0, 1).flatMap(rewrite) }));
const withStatus = (tcbStatus: string): SimulatorFaults => levels((level) => [{ ...level, tcbStatus }]);
const moduleLevels = (...all: readonly (readonly [number, string])[]): SimulatorFaults =>
  tcbInfo((info) => ({
    ...info,
    tdxModuleIdentities: info.tdxModuleIdentities.map((module) => ({
      ...module,
      tcbLevels: all.map(([isvsvn, tcbStatus]) => ({ tcb: { isvsvn }, tcbDate: "2026-01-01T00:00:00Z", tcbStatus })),
    })),
  }));

/** The level as it is, and below it the same with an older SEAM loader. */
const olderLoader = levels((level) => [
  level,
  {
    ...level,
    tcb: { ...level.tcb, tdxtcbcomponents: level.tcb.tdxtcbcomponents.map((entry, index) => (index === 2 ? { svn: 1 } : entry)) },
    tcbStatus: "OutOfDate",
  },
]);

interface RelaunchCase {
  readonly name: string;
  /** Security versions when the TD was launched, and now. The current ones are 05 01 02. */
  readonly launch: string;
  readonly now: string;
  readonly faults?: SimulatorFaults;
  /** What Intel's library says. */
  readonly expected: TcbStatus;
}

const OUTDATED = svn("040102");
const CURRENT = svn("050102");

/** @see Intel's Quote Verification Library, TDRelaunchCheck.cpp */
const cases: readonly RelaunchCase[] = [
  { name: "launched and running on the current module", launch: CURRENT, now: CURRENT, expected: "UpToDate" },
  { name: "launched on an outdated module, running on the current one", launch: OUTDATED, now: CURRENT, expected: "TDRelaunchAdvised" },
  {
    name: "launched on an outdated module, running on a newer one than any",
    launch: OUTDATED,
    now: svn("090103"),
    expected: "TDRelaunchAdvised",
  },
  { name: "launched and running on an outdated module", launch: OUTDATED, now: OUTDATED, expected: "OutOfDate" },
  {
    name: "launched on an outdated module and loader, running on current ones",
    launch: svn("040101"),
    now: CURRENT,
    faults: olderLoader,
    expected: "TDRelaunchAdvised",
  },
  {
    name: "launched on an outdated module, running on a current one with an outdated loader",
    launch: svn("040101"),
    now: svn("050101"),
    faults: olderLoader,
    expected: "OutOfDate",
  },
  {
    name: "launched with an outdated loader, but no outdated module",
    launch: svn("050101"),
    now: CURRENT,
    faults: olderLoader,
    expected: "OutOfDate",
  },
  {
    name: "launched on an outdated module, on a platform that needs configuration",
    launch: OUTDATED,
    now: CURRENT,
    faults: withStatus("ConfigurationNeeded"),
    expected: "TDRelaunchAdvisedConfigurationNeeded",
  },
  {
    name: "launched on an outdated module, on a platform that needs configuration and hardening",
    launch: OUTDATED,
    now: CURRENT,
    faults: withStatus("ConfigurationAndSWHardeningNeeded"),
    expected: "TDRelaunchAdvisedConfigurationNeeded",
  },
  {
    name: "launched on an outdated module, on a platform that needs hardening",
    launch: OUTDATED,
    now: CURRENT,
    faults: withStatus("SWHardeningNeeded"),
    expected: "TDRelaunchAdvised",
  },
  {
    name: "launched on an outdated module, on an outdated platform",
    launch: OUTDATED,
    now: CURRENT,
    faults: withStatus("OutOfDate"),
    expected: "OutOfDate",
  },
  {
    name: "launched on an outdated module, on an outdated platform that needs configuration",
    launch: OUTDATED,
    now: CURRENT,
    faults: withStatus("OutOfDateConfigurationNeeded"),
    expected: "OutOfDateConfigurationNeeded",
  },
  {
    name: "launched on an outdated module, on a revoked platform",
    launch: OUTDATED,
    now: CURRENT,
    faults: withStatus("Revoked"),
    expected: "Revoked",
  },
  {
    name: "launched on a revoked module, running on the current one",
    launch: OUTDATED,
    now: CURRENT,
    faults: moduleLevels([5, "UpToDate"], [4, "Revoked"]),
    expected: "Revoked",
  },
  {
    name: "launched on an outdated module, running on one that is good, but not the latest",
    launch: OUTDATED,
    now: CURRENT,
    faults: moduleLevels([6, "UpToDate"], [5, "UpToDate"], [4, "OutOfDate"]),
    expected: "OutOfDate",
  },
  {
    name: "launched on an outdated module, with an outdated quoting enclave",
    launch: OUTDATED,
    now: CURRENT,
    faults: {
      qeIdentity: {
        content: (identity) => ({ ...identity, tcbLevels: identity.tcbLevels.map((level) => ({ ...level, tcbStatus: "OutOfDate" })) }),
      },
    },
    expected: "OutOfDate",
  },
  {
    name: "launched on an outdated module, running on the current one without a version",
    launch: OUTDATED,
    now: svn("050002"),
    expected: "TDRelaunchAdvised",
  },
];

for (const quoteFormat of ["v5-td15", "v5-td15-extended"] as const) {
  describe(`relaunch advice, ${quoteFormat}`, () => {
    for (const { name, launch, now, faults, expected } of cases) {
      it(`${expected}: ${name}`, async () => {
        const each: PlatformCase = { name, simulator: { quoteFormat }, faults: { ...faults, teeTcbSvn: launch, teeTcbSvn2: now } };
        const minted = await mintPlatform(each);
        expect((await judgePlatform(minted, each)).tcb?.status).toBe(expected);
        const lenient = await judgePlatform(minted, { ...each, tcb: { accept: ACCEPTABLE_TCB_STATUSES } });
        expect(failing(lenient.findings)).toEqual(expected === "Revoked" ? ["tdx.tcb-status"] : []);
        const strict = await judgePlatform(minted, each);
        expect(failing(strict.findings)).toEqual(expected === "UpToDate" ? [] : ["tdx.tcb-status"]);
      });
    }

    it("fails the module identity where Intel does not know the module of now", async () => {
      const each: PlatformCase = { name: "", simulator: { quoteFormat }, faults: { teeTcbSvn: OUTDATED, teeTcbSvn2: svn("050302") } };
      const { findings } = await judgePlatform(await mintPlatform(each), each);
      expect(failing(findings)).toContain("tdx.module-identity");
      expect(failing(findings).filter((id) => id !== "tdx.tcb-status")).toEqual(["tdx.module-identity"]);
    });
  });
}

describe("a TD whose module of now is worse than the one of launch", () => {
  // Intel's library looks at the module of now only to give advice; here the worse of the two counts.
  const worse: readonly (readonly [string, string, string])[] = [
    ["an outdated module after a current one", CURRENT, OUTDATED],
    ["a module below every level after a current one", CURRENT, svn("010102")],
    ["an outdated loader after a current one", CURRENT, svn("050101")],
    ["an outdated module without a version", OUTDATED, svn("040002")],
  ];
  for (const [name, launch, now] of worse) {
    it(`is not up to date: ${name}`, async () => {
      const each: PlatformCase = { name, simulator: { quoteFormat: "v5-td15" }, faults: { teeTcbSvn: launch, teeTcbSvn2: now } };
      const { findings, tcb } = await judgePlatform(await mintPlatform(each), each);
      expect(failing(findings).length).toBeGreaterThan(0);
      expect(["UpToDate", "TDRelaunchAdvised"]).not.toContain(tcb?.status);
    });
  }
});

describe("quotes that do not show the module of now", () => {
  it("are judged by the module of launch alone", async () => {
    for (const quoteFormat of ["v4", "v5-td10"] as const) {
      const each: PlatformCase = { name: quoteFormat, simulator: { quoteFormat }, faults: { teeTcbSvn: OUTDATED } };
      expect((await judgePlatform(await mintPlatform(each), each)).tcb?.status).toBe("OutOfDate");
    }
  });
});
