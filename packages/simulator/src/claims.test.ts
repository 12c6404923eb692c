import { appraise, type AttestationResult, parsePolicy } from "@bauta/attestation";
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createSimulator, type Simulator } from "./simulator.ts";
import { attest, DAY_MS, failing, mintAndAppraise, NOW_MS } from "./testing/minted.ts";

describe("what a result says of an enclave", () => {
  it("lets a policy allow debug, and then still shows the failed check", async () => {
    const policy = (simulator: Simulator) => parsePolicy({ ...simulator.policy("demo"), allow: { debug: true } });
    const result = await mintAndAppraise({ debug: true, changes: (simulator) => ({ policy: policy(simulator) }) });
    // Its host can rewrite what was measured, so no build is matched.
    expect(result).toMatchObject({ ok: true, debug: true, pinned: false });
    expect(result.claims.build).toBeUndefined();
    expect(result.checks.find((check) => check.id === "td.debug-off")).toMatchObject({ status: "fail", required: false });
    expect(result.checks.find((check) => check.id === "measure.mrtd")?.status).toBe("pass");
    const reserved = await mintAndAppraise({
      faults: { tdAttributes: "0300001000000000" },
      changes: (simulator) => ({ policy: policy(simulator) }),
    });
    expect(reserved).toMatchObject({ ok: false, debug: true });
  });

  it("does not call a TD debugged that a policy merely allows to be", async () => {
    const changes = (simulator: Simulator) => ({ policy: parsePolicy({ ...simulator.policy("demo"), allow: { debug: true } }) });
    expect(await mintAndAppraise({ changes })).toMatchObject({ ok: true, debug: false, pinned: true });
  });

  it("claims nothing from a quote whose origin is not proven, and no key that the quote does not hold", async () => {
    const stranger = await mintAndAppraise({ faults: { foreignRoot: true } });
    expect(stranger).toMatchObject({ claims: {}, stated: { tee_hardware: "SIMULATED TDX" } });
    expect(stranger.claims).toEqual({});
    expect((await mintAndAppraise({ faults: { qeMrSigner: "ab".repeat(32) } })).claims).toEqual({});
    const otherKey = await mintAndAppraise({ faults: { reportData: (asked) => Buffer.concat([randomBytes(20), asked.subarray(20)]) } });
    expect(otherKey.claims.mrtd).toMatch(/^[0-9a-f]{96}$/);
    expect(otherKey.claims.signing_address).toBeUndefined();
  });

  it("enforces nothing of a policy's provider, which is a label", async () => {
    const changes = (simulator: Simulator) => ({ policy: parsePolicy({ ...simulator.policy("demo"), provider: "somebody else" }) });
    expect(await mintAndAppraise({ changes })).toMatchObject({ ok: true, stated: { tee_provider: "simulator" } });
  });
});

describe("under measurements: any", () => {
  const any = parsePolicy({ version: 1, measurements: "any" });
  const swapDocument = async (simulator: Simulator, info: object) => {
    const { evidence, nonce } = await attest(simulator);
    return { policy: any, nonce, evidence: { ...evidence, info: { ...evidence.info, ...info } } };
  };
  const composeCheck = (result: AttestationResult) => result.checks.find((check) => check.id === "dstack.compose-hash");

  it("is ok, but not with a compose document that the quote does not commit to", async () => {
    expect(await mintAndAppraise({ changes: () => ({ policy: any }) })).toMatchObject({ ok: true, pinned: false });
    const simulator = createSimulator({ nowMs: NOW_MS });
    const swapped = await swapDocument(simulator, { app_compose: '{"name":"logger"}', compose_hash: undefined });
    const result = await appraise({ ...swapped, nowMs: NOW_MS, trustRoots: [simulator.rootDer] });
    expect(composeCheck(result)).toMatchObject({ status: "fail", required: true });
    expect(result.ok).toBe(false);
    expect(result.signingKey).toBeUndefined();
    // What MRCONFIGID commits to, never what was served.
    expect(result.claims.compose_hash).toBe(simulator.policy("x").builds[0]?.compose_hash);
  });

  it("is not ok with a MRCONFIGID of unknown kind", async () => {
    const result = await mintAndAppraise({ faults: { mrConfigId: `09${"cd".repeat(47)}` }, changes: () => ({ policy: any }) });
    expect(composeCheck(result)).toMatchObject({ status: "fail", required: true });
    expect(result.ok).toBe(false);
  });

  for (const mrConfigId of ["00".repeat(48), `03${"cd".repeat(32)}${"00".repeat(15)}`]) {
    it(`claims no compose hash when MRCONFIGID begins with ${mrConfigId.slice(0, 2)}, whatever is served`, async () => {
      const result = await mintAndAppraise({ faults: { mrConfigId }, changes: () => ({ policy: any }) });
      expect(composeCheck(result)).toMatchObject({ status: "not-checked", required: false });
      expect(result.ok).toBe(true);
      expect(result.claims.compose_hash).toBeUndefined();
    });
  }

  it("claims the measured hash also where the answer contradicts itself", async () => {
    const simulator = createSimulator({ nowMs: NOW_MS });
    const result = await appraise({
      ...(await swapDocument(simulator, { compose_hash: "ab".repeat(32) })),
      nowMs: NOW_MS,
      trustRoots: [simulator.rootDer],
    });
    expect(composeCheck(result)).toMatchObject({ status: "fail", required: true });
    expect(result.claims.compose_hash).toBe(simulator.policy("x").builds[0]?.compose_hash);
  });
});

describe("the edges of time", () => {
  const YEAR_MS = 365 * DAY_MS;

  for (const [what, nowMs, holds] of [
    ["a millisecond before the certificates begin", NOW_MS - 2 * YEAR_MS - 1, false],
    ["in the moment in which the certificates begin", NOW_MS - 2 * YEAR_MS, true],
    ["in the PCK certificate's last moment", NOW_MS + 7 * YEAR_MS, true],
    ["a millisecond after the PCK certificate's end", NOW_MS + 7 * YEAR_MS + 1, false],
  ] as const) {
    it(`${holds ? "accepts" : "refuses"} a chain ${what}`, async () => {
      const result = await mintAndAppraise({ changes: (simulator) => ({ nowMs, endorsements: simulator.issueCollateral(nowMs) }) });
      // The TCB signer's certificate has the same dates.
      expect(failing(result)).toEqual(holds ? [] : ["tdx.pck-chain", "tdx.collateral-current"]);
      expect(result.ok).toBe(holds);
    });
  }

  for (const [expires, holds] of [
    ["2026-11-20T12:00:00.001Z", true],
    ["2026-11-20T12:00:00Z", false],
    ["2026-11-21", true],
    // A bare date is the day's first moment.
    ["2026-11-20", false],
  ] as const) {
    it(`${holds ? "accepts" : "refuses"} at ${new Date(NOW_MS).toISOString()} a build that expires ${expires}`, async () => {
      const changes = (simulator: Simulator) => {
        const { builds, ...policy } = simulator.policy("demo");
        return { policy: parsePolicy({ ...policy, builds: builds.map((build) => ({ ...build, expires })) }) };
      };
      const result = await mintAndAppraise({ changes });
      expect(result).toMatchObject({ ok: holds, pinned: holds });
      expect(result.claims.build).toBe(holds ? "demo" : undefined);
    });
  }
});
