import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { noVectors, readJsonVector, readVector, vectorPath } from "../../../../tests/support/vectors.ts";
import { appraise } from "../appraise.ts";
import { collateralNeed } from "../collateral/collateral-need.ts";
import { createCollateralLibrary } from "../collateral/offline.ts";
import { parseAttestationAnswer } from "../evidence/attestation-answer.ts";
import type { AttestationResult } from "../result.ts";
import { appraisePlatform } from "../tdx/platform.ts";
import { parseTrustRoots } from "../tdx/trust-roots.ts";
import { builtInPolicies, builtInPolicy } from "./built-in.ts";
import { diffBuild } from "./diff.ts";
import { parsePolicy, type Policy } from "./policy.ts";

describe("builtInPolicies", () => {
  it.each(builtInPolicies.map((builtIn) => [builtIn.name, builtIn.policy] as const))(
    "%s is a policy, complete, dated, and ends",
    (name, policy) => {
      expect(parsePolicy(policy)).toEqual(policy);
      expect(builtInPolicy(name)).toBe(policy);
      expect(policy.measurements).toBeUndefined();
      expect(policy.tcb.min_evaluation_number).toBeGreaterThan(0);
      for (const build of policy.builds) {
        expect(build.expires).toBeDefined();
        expect(build.source).not.toBe("");
      }
    },
  );

  it("knows no other names", () => {
    for (const name of ["", "Venice", "toString", "__proto__"]) expect(builtInPolicy(name)).toBeUndefined();
  });
});

const FOLDER = "venice-2026-04-24";

describe.skipIf(noVectors)("the built-in policy venice and the evidence that it rests on", () => {
  const read = () => {
    const manifest = readJsonVector(`${FOLDER}/manifest.json`) as { nonce_hex: string; captured_at: string };
    const evidence = parseAttestationAnswer(readJsonVector(`${FOLDER}/0001_api.venice.ai_api_v1_tee_attestation.body`));
    const files = readdirSync(vectorPath(FOLDER)).filter((name) => /^000[2-5]_/.test(name));
    const library = createCollateralLibrary(
      files.map((name) => ({ name, bytes: readVector(`${FOLDER}/${name}`) })),
      FOLDER,
    );
    const nowMs = Date.parse(manifest.captured_at);
    const endorsements = library.select(collateralNeed(evidence.quote), nowMs);
    return { evidence, endorsements, nonce: { query: manifest.nonce_hex, sealed: true }, nowMs };
  };
  const venice = builtInPolicy("venice") as Policy;

  it("accept each other, pinned", async () => {
    const result = await appraise({ ...read(), policy: venice });
    expect(result.checks.filter(({ required, status }) => required && status !== "pass")).toEqual([]);
    expect(result).toMatchObject({ ok: true, pinned: true, simulated: false, claims: { build: venice.builds[0]?.name } });
  });

  it("accept each other only with the GPUs, and only if these answered this client", async () => {
    const { evidence, ...others } = read();
    const judge = (payload: string | undefined) => {
      const { nvidiaPayload, ...rest } = evidence;
      expect(nvidiaPayload).toBeDefined();
      return appraise({ ...others, evidence: { ...rest, ...(payload !== undefined && { nvidiaPayload: payload }) }, policy: venice });
    };
    const open = ({ checks }: AttestationResult) =>
      checks.filter(({ required, status }) => required && status !== "pass").map(({ id }) => id);
    const gpuChecks = venice.require.filter((id) => id.startsWith("gpu.")).toSorted();
    expect((await judge(evidence.nvidiaPayload)).claims.gpus).toHaveLength(8);
    const without = await judge(undefined);
    expect(without.ok).toBe(false);
    expect(open(without).toSorted()).toEqual(gpuChecks);
    // As evidence of another request has it: each report holds another nonce, and is no longer what its GPU signed.
    const replayed = JSON.parse(evidence.nvidiaPayload ?? "") as { evidence_list: { evidence: string }[] };
    for (const gpu of replayed.evidence_list) {
      const bytes = Buffer.from(gpu.evidence, "base64");
      bytes[4] = (bytes[4] ?? 0) ^ 1;
      gpu.evidence = bytes.toString("base64");
    }
    const stale = await judge(JSON.stringify(replayed));
    expect(stale).toMatchObject({ ok: false, claims: { build: venice.builds[0]?.name } });
    expect(open(stale).toSorted()).toEqual(["gpu.fwid", "gpu.nonce", "gpu.report-signature"]);
    expect(stale.claims.gpus).toBeUndefined();
  });

  it("agree however many GPUs a model is given", async () => {
    const { evidence, ...others } = read();
    const payload = JSON.parse(evidence.nvidiaPayload ?? "") as { evidence_list: unknown[] };
    const two = JSON.stringify({ ...payload, evidence_list: payload.evidence_list.slice(0, 2) });
    const result = await appraise({ ...others, evidence: { ...evidence, nvidiaPayload: two }, policy: venice });
    expect(result.ok).toBe(true);
    expect(result.claims.gpus).toHaveLength(2);
  });

  it("agree on status and number of the platform", async () => {
    const { evidence, endorsements, nowMs } = read();
    const { tcb } = await appraisePlatform({
      quote: evidence.quote,
      endorsements,
      tcb: venice.tcb,
      allow: venice.allow,
      nowMs,
      roots: parseTrustRoots([]),
    });
    expect(tcb).toMatchObject({ status: venice.tcb.accept[0], evaluationNumber: venice.tcb.min_evaluation_number, advisories: [] });
  });

  it("agree on OS image and key provider, which the event log holds", () => {
    const payload = (event: string) => read().evidence.eventLog?.find((entry) => entry.event === event)?.event_payload ?? "";
    const provider = JSON.parse(Buffer.from(payload("key-provider"), "hex").toString()) as { name: string; id: string };
    expect(venice.builds[0]).toMatchObject({ os_image_hash: payload("os-image-hash"), key_provider: `${provider.name}:${provider.id}` });
  });

  it("do not once a value changed, and then the difference names it", async () => {
    const [build] = venice.builds;
    const { claims } = await appraise({ ...read(), policy: venice });
    const other = { ...venice, builds: [{ ...build!, rtmr1: "00".repeat(48) }] };
    expect((await appraise({ ...read(), policy: other })).ok).toBe(false);
    expect(diffBuild(claims, other, read().nowMs).values).toContainEqual({
      name: "rtmr1",
      expected: "00".repeat(48),
      actual: build?.rtmr1,
    });
    expect((await appraise({ ...read(), policy: venice, nowMs: Date.parse("2027-04-24T00:00:00Z") })).ok).toBe(false);
  });
});
