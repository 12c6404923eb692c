import { describe, expect, it } from "vitest";
import { createCollateralCache } from "../../packages/attestation/src/tdx/collateral-cache.ts";
import type { PlatformInput } from "../../packages/attestation/src/tdx/platform.ts";
import { parseTrustRoots } from "../../packages/attestation/src/tdx/trust-roots.ts";
import { platformFamilies } from "./corpus/index.ts";
import { DAY_MS, failing, judgePlatform, mintPlatform, NOW_MS, type PlatformCase } from "./platform-case.ts";

const sound: PlatformCase = { name: "a sound platform" };

describe("a collateral cache that all share", () => {
  const cache = createCollateralCache();
  for (const { family, cases } of platformFamilies) {
    it(`changes no finding and no reason of the family ${family}`, async () => {
      for (const each of cases) {
        const minted = await mintPlatform(each);
        const alone = await judgePlatform(minted, each);
        for (const round of ["cold", "warm"]) {
          const shared = await judgePlatform(minted, each, { cache });
          expect(shared.findings, `${each.name}, ${round}`).toEqual(alone.findings);
        }
      }
    });
  }

  it("remembers nothing that depends on the time", async () => {
    const minted = await mintPlatform(sound);
    for (const days of [0, 31, 0, -2, 0]) {
      const { findings } = await judgePlatform(minted, { ...sound, atMs: NOW_MS + days * DAY_MS }, { cache });
      expect(failing(findings), `${days} days later`).toEqual(days === 0 ? [] : ["tdx.collateral-current"]);
    }
  });

  it("gives callers who come at once, and trust different roots, each his own finding", async () => {
    const minted = await mintPlatform(sound);
    const fresh = createCollateralCache();
    const judge = (roots: PlatformInput["roots"]) => judgePlatform(minted, sound, { cache: fresh, roots });
    const trusting = parseTrustRoots([minted.simulator.rootDer]);
    const [stranger, friend] = await Promise.all([judge(parseTrustRoots([])), judge(trusting)]);
    expect([failing(stranger.findings), failing(friend.findings)]).toEqual([["tdx.pck-chain"], []]);
  });

  it("keeps pieces of two roots apart", async () => {
    const [one, other] = await Promise.all([mintPlatform(sound), mintPlatform(sound, "another root")]);
    const roots = parseTrustRoots([one.simulator.rootDer, other.simulator.rootDer]);
    for (const minted of [one, other, one]) expect(failing((await judgePlatform(minted, sound, { cache, roots })).findings)).toEqual([]);
    for (const [minted, stranger] of [
      [one, other],
      [other, one],
    ] as const) {
      const { findings } = await judgePlatform(minted, sound, { cache, roots, endorsements: stranger.simulator.collateral });
      expect(failing(findings)).toEqual(["tdx.pck-crl", "tdx.root-crl", "tdx.tcb-info-signature", "tdx.qe-identity-signature"]);
    }
  });
});

describe("a platform without collateral", () => {
  it("passes none of the checks that need it, and fails none", async () => {
    const { findings, tcb, collateral } = await judgePlatform(await mintPlatform(sound), sound, { endorsements: undefined });
    expect(failing(findings)).toEqual([]);
    expect(findings.filter(({ status }) => status === "not-checked").map(({ id }) => id)).toEqual([
      "tdx.pck-crl",
      "tdx.root-crl",
      "tdx.tcb-info-signature",
      "tdx.qe-identity-signature",
      "tdx.collateral-current",
      "tdx.evaluation-number",
      "tdx.tcb-status",
      "tdx.module-identity",
      "tdx.advisories",
    ]);
    expect({ tcb, collateral }).toEqual({});
  });

  it("is judged for what is proven of it, no more: one piece missing leaves the others", async () => {
    const minted = await mintPlatform(sound);
    const { findings } = await judgePlatform(minted, sound, { endorsements: { ...minted.simulator.collateral, qe_identity: "" } });
    expect(failing(findings)).toEqual(["tdx.qe-identity-signature"]);
    expect(findings.find(({ id }) => id === "tdx.tcb-status")?.status).toBe("not-checked");
    expect(findings.find(({ id }) => id === "tdx.tcb-info-signature")?.status).toBe("pass");
  });
});
