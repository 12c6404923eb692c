import { describe, expect, it } from "vitest";
import { ACCEPTABLE_TCB_STATUSES, type TcbStatus } from "../../packages/attestation/src/policy/tcb-status.ts";
import { failing, judgePlatform, mintPlatform, type PlatformCase } from "./platform-case.ts";

const PARTS = ["UpToDate", "OutOfDate", "Revoked"] as const;

/**
 * What a platform's status becomes with the worst status of TDX module and quoting enclave.
 * @see Intel's Quote Verification Library, convergeTcbStatusWithTdxModuleStatus and convergeTcbStatusWithQeTcbStatus
 */
const CONVERGED: Readonly<Record<string, Readonly<Record<(typeof PARTS)[number], TcbStatus>>>> = {
  UpToDate: { UpToDate: "UpToDate", OutOfDate: "OutOfDate", Revoked: "Revoked" },
  SWHardeningNeeded: { UpToDate: "SWHardeningNeeded", OutOfDate: "OutOfDate", Revoked: "Revoked" },
  ConfigurationNeeded: { UpToDate: "ConfigurationNeeded", OutOfDate: "OutOfDateConfigurationNeeded", Revoked: "Revoked" },
  ConfigurationAndSWHardeningNeeded: {
    UpToDate: "ConfigurationAndSWHardeningNeeded",
    OutOfDate: "OutOfDateConfigurationNeeded",
    Revoked: "Revoked",
  },
  OutOfDate: { UpToDate: "OutOfDate", OutOfDate: "OutOfDate", Revoked: "Revoked" },
  OutOfDateConfigurationNeeded: {
    UpToDate: "OutOfDateConfigurationNeeded",
    OutOfDate: "OutOfDateConfigurationNeeded",
    Revoked: "Revoked",
  },
  Revoked: { UpToDate: "Revoked", OutOfDate: "Revoked", Revoked: "Revoked" },
};

const parts =
  (tcbStatus: string) =>
  <T extends { readonly tcbLevels: readonly object[] }>(identity: T): T => ({
    ...identity,
    tcbLevels: identity.tcbLevels.map((level) => ({ ...level, tcbStatus })),
  });

function converging(platform: string, module: string, enclave: string): PlatformCase {
  return {
    name: `${platform}, module ${module}, quoting enclave ${enclave}`,
    faults: {
      tcbInfo: {
        content: (info) => ({
          ...info,
          tcbLevels: info.tcbLevels.map((level) => ({ ...level, tcbStatus: platform })),
          tdxModuleIdentities: info.tdxModuleIdentities.map(parts(module)),
        }),
      },
      qeIdentity: { content: parts(enclave) },
    },
  };
}

describe("convergence of platform, TDX module and quoting enclave", () => {
  for (const [platform, byPart] of Object.entries(CONVERGED)) {
    it(`gives a platform that is ${platform} the status that Intel's library gives it, with each module and quoting enclave`, async () => {
      for (const module of PARTS) {
        for (const enclave of PARTS) {
          const each = converging(platform, module, enclave);
          const worst = PARTS[Math.max(PARTS.indexOf(module), PARTS.indexOf(enclave))] ?? "Revoked";
          const expected = byPart[worst];
          const minted = await mintPlatform(each);

          const lenient = await judgePlatform(minted, { ...each, tcb: { accept: ACCEPTABLE_TCB_STATUSES } });
          expect(lenient.tcb?.status, each.name).toBe(expected);
          expect(failing(lenient.findings), each.name).toEqual(expected === "Revoked" ? ["tdx.tcb-status"] : []);

          const strict = await judgePlatform(minted, each);
          expect(strict.tcb?.status, each.name).toBe(expected);
          expect(failing(strict.findings), each.name).toEqual(expected === "UpToDate" ? [] : ["tdx.tcb-status"]);
        }
      }
    });
  }
});
