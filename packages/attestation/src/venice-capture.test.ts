import { describe, expect, it } from "vitest";
import { noVectors } from "../../../tests/support/vectors.ts";
import { type Json, readVeniceCapture, readVeniceOpinion, type VeniceCapture } from "../../../tests/support/venice-capture.ts";
import { flippedBase64, gpu, gpuList, gpuPayload, simulated } from "../../../tests/support/venice/gpu-mutations.ts";
import type { Mutation } from "../../../tests/support/venice/mutation.ts";
import { appraise, type AppraisalInput } from "./appraise.ts";
import { builtInPolicy } from "./policy/built-in.ts";
import { parsePolicy, type Policy } from "./policy/policy.ts";
import { type AttestationResult, type Check, CHECK_IDS, type CheckId } from "./result.ts";

const BUILD = {
  name: "recorded",
  source: "capture",
  date: "2026-04-24",
  mrtd: "b24d3b24e9e3c16012376b52362ca09856c4adecb709d5fac33addf1c47e193da075b125b6c364115771390a5461e217",
  rtmr0: "0cb94dba1a9773d741efad49370e1e909557409a904a24a4620b6305651360952cb8111f851b03fc2a35a6c3b7bb05f6",
  rtmr1: "c0445b704e4c48139496ae337423ddb1dcee3a673fd5fb60a53d562f127d235f11de471a7b4ee12c9027c829786757dc",
  rtmr2: "564622c7ddc55a53272cc9f0956d29b3f7e0dd18ede432720b71fd89e5b5d76cb0b99be7b7ff2a6a92b89b6b01643135",
  compose_hash: "242a62724303cc32f364da0fc92738706b0078e7587821b7ba3e75488223797b",
};
const IMAGES = [
  "datadog/agent@sha256:5556fb80b952832719a76b016f905616c76ee0989a239c4680c6220148e865d6",
  "certbot/dns-cloudflare@sha256:742dbd2e61c8709b930712c38958386c3cb3928e09eeb1f1e490600c127e2edb",
  "nearaidev/compose-manager@sha256:a3c6e223ae5643689e6f0ae78461c2cb2d1b52d5b4ea306dc354b9ac7096d6e2",
];
const venice = builtInPolicy("venice") as Policy;
const anyBuild = parsePolicy({ version: 1, measurements: "any" });
const policyOf = (...builds: object[]) => parsePolicy({ version: 1, builds });
const other = (digits: number): string => "ab".repeat(digits / 2);

/** What the recorded bytes alone prove, whatever the policy. */
const PROVEN: readonly CheckId[] = [
  "nonce.bound",
  "key.address-derived",
  "key.bound-to-report-data",
  "tdx.parse",
  "tdx.quote-signature",
  "tdx.attestation-key-bound",
  "tdx.qe-report-signature",
  "tdx.pck-chain",
  "tdx.pck-crl",
  "tdx.root-crl",
  "tdx.tcb-info-signature",
  "tdx.qe-identity-signature",
  "tdx.qe-identity-match",
  "tdx.collateral-current",
  "tdx.evaluation-number",
  "tdx.tcb-status",
  "tdx.module-identity",
  "tdx.advisories",
  "td.debug-off",
  "td.attributes",
  "td.xfam",
  "td.service-td",
  "td.seam-signer",
  "eventlog.replay",
  "dstack.compose-hash",
  "dstack.runtime-compose",
  "gpu.present",
  "gpu.nonce",
  "gpu.cert-chain",
  "gpu.report-signature",
  "gpu.fwid",
  "image.digests-pinned",
];
/** Serial numbers of the eight GPUs' report certificates. */
const UEIDS = [
  "5fd988c7a959dc0504f32cc5670330df8af7ea10",
  "415281f3018558c69279df0ca105b161220ba4a6",
  "52bfb386d80dce889f7d4f3b6bab53596c7b641e",
  "5d6faca32325f6bc9f142c41cd0addfb4d0f3b08",
  "55a74e7b228d0cf6aad13bc702df95b9b24554d4",
  "57358eca47932dc974e6b7b6e2da465d3071727b",
  "4c3ef1b1a44168130a4229e63ff4622ed910b077",
  "4f56bc7f52b885f9c95ae497e0e105e9d959c810",
];
const GPUS = UEIDS.map((ueid) => ({
  model: "GH100 A01 GSP BROM",
  arch: "HOPPER",
  driver: "570.172.08",
  vbios: "96.00.CF.00.02",
  ueid,
  mode: "PPCIE",
}));
const GPU_IDS = CHECK_IDS.filter((id) => id.startsWith("gpu."));
const REGISTERS: readonly CheckId[] = ["measure.mrtd", "measure.rtmr0", "measure.rtmr1", "measure.rtmr2"];

const idsOf = ({ checks }: AttestationResult, which: (check: Check) => boolean): CheckId[] => checks.filter(which).map(({ id }) => id);
const failing = (result: AttestationResult) => idsOf(result, ({ status }) => status === "fail");
const passing = (result: AttestationResult) => idsOf(result, ({ status }) => status === "pass");
const requiredButNotMade = (result: AttestationResult) => idsOf(result, ({ required, status }) => required && status === "not-checked");
const find = (result: AttestationResult, id: CheckId) => result.checks.find((check) => check.id === id);

async function appraiseCapture(policy: Policy, change: (capture: VeniceCapture) => Partial<AppraisalInput> = () => ({})) {
  const capture = readVeniceCapture();
  return await appraise({ ...capture, policy, ...change(capture) });
}
const edited = (edit: (answer: Json) => void) => () => ({ evidence: readVeniceCapture(edit).evidence });

/** What a revocation list is remembered by. */
function issued(thisUpdate: string, entries: bigint): bigint {
  return BigInt(Date.parse(thisUpdate) / 1000) * 2n ** 32n + entries;
}

describe.skipIf(noVectors)("the recorded answer of a live service at its time", () => {
  it("proves the platform, the key, what booted, what was measured, and eight GPUs, from the recorded bytes alone", async () => {
    const result = await appraiseCapture(anyBuild);
    expect(failing(result)).toEqual([]);
    expect(passing(result)).toEqual(PROVEN);
    expect(result).toMatchObject({ ok: true, scope: "enclave", simulated: false, pinned: false, debug: false });
    expect(result.signingKey).toHaveLength(65);
    expect(result.claims).toMatchObject({
      signing_address: "0x6525e128afcffebf7eed05d485d7be983cdae934",
      fmspc: "90c06f000000",
      tcb_status: "UpToDate",
      tcb_date: "2024-11-13T00:00:00.000Z",
      advisories: [],
      tcb_evaluation_number: 18,
      collateral_expires: "2026-05-24T00:57:28.000Z",
      compose_hash: BUILD.compose_hash,
      app_id: "2c0a0c96cb6dbd659bf1446e2f3fce58172ff91b",
      os_image_hash: venice.builds[0]?.os_image_hash,
      key_provider: venice.builds[0]?.key_provider,
      images: IMAGES,
      td_attributes: "0000001000000000",
    });
    expect(result.claims.gpus).toEqual(GPUS);
    expect(result.collateral).toEqual({
      expiresMs: Date.parse("2026-05-24T00:57:28Z"),
      numbers: {
        "tcb:90c06f000000": "18",
        qe: "18",
        "crl:Intel SGX PCK Platform CA": `${issued("2026-04-24T00:57:28Z", 57n)}`,
        "crl:Intel SGX Root CA": `${issued("2026-02-26T13:04:00Z", 0n)}`,
      },
    });
    expect(result.stated).toMatchObject({ tee_provider: "near-ai" });
    expect(find(result, "server.claim")).toMatchObject({ status: "not-checked", required: false });
  });

  it("does not prove engine, weights, whose GPUs these are, nor that nobody else has the key", async () => {
    const result = await appraiseCapture(venice);
    for (const id of ["keys.signed", "key.exclusive", "weights.named", "gpu.named-by-enclave", "gpu.bound-to-cpu", "image.signed"] as const)
      expect(find(result, id)).toMatchObject({ status: "not-checked", required: false });
    expect(result.couldRead.join("\n")).toContain("any genuine GPUs sign any nonce, so these may be another machine's");
    expect(find(result, "dstack.runtime-compose")).toMatchObject({
      status: "pass",
      reason: expect.stringContaining("engine and weights are not proven") as string,
    });
    expect(result.claims).not.toHaveProperty("weights");
  });

  it("names who could still read: the containers with docker.sock before all others", async () => {
    const { couldRead } = await appraiseCapture(venice);
    const sockets = couldRead.filter((sentence) => sentence.includes("docker.sock"));
    expect(sockets.map((sentence) => sentence.split(":", 1)[0])).toEqual([
      'The container "datadog-agent"',
      'The container "compose-manager"',
    ]);
    expect(couldRead.join("\n")).toMatch(/started later by "datadog-agent", "compose-manager": .*engine and weights are not proven/);
    expect(couldRead.join("\n")).toContain('key management service (its key ends in "e3ce29b5fb0fbcbc")');
    expect(couldRead.join("\n")).toContain("Whatever else holds the enclave's key");
    expect(couldRead[0]).toMatch(/^An active gateway, and whoever else relays: version 1 of the protocol/);
    expect(couldRead.join("\n")).not.toMatch(/^(?:Anyone|The gateway|The machine's host)/m);
  });

  it("adds the gateway where the request was not encrypted to the enclave, and everybody where nothing is pinned", async () => {
    const plain = await appraiseCapture(venice, ({ nonce }) => ({ nonce: { ...nonce, sealed: false } }));
    expect(plain.ok).toBe(true);
    expect(plain.couldRead[0]).toMatch(/^The gateway/);
    const unpinned = await appraiseCapture(anyBuild);
    expect(unpinned.couldRead[0]).toMatch(/^Anyone who can rent a TDX machine/);
  });

  it("judges the quote alone as a platform", async () => {
    const result = await appraiseCapture(venice, () => ({ scope: "platform", nonce: undefined }));
    expect(failing(result)).toEqual([]);
    expect(result).toMatchObject({ ok: true, scope: "platform", pinned: true, couldRead: [] });
    expect(result.signingKey).toBeUndefined();
    expect(passing(result)).toEqual([...PROVEN.filter((id) => /^tdx?\./.test(id)), ...REGISTERS]);
  });
});

describe.skipIf(noVectors)("the recorded answer under a policy", () => {
  it("passes pinned to its own build, by hand and under the built-in policy", async () => {
    const own = await appraiseCapture(policyOf(BUILD));
    expect(own).toMatchObject({ ok: true, pinned: true, claims: { build: "recorded" } });
    expect(passing(own).toSorted()).toEqual([...PROVEN, ...REGISTERS].toSorted());
    const builtIn = await appraiseCapture(venice);
    expect(builtIn).toMatchObject({ ok: true, pinned: true, claims: { build: venice.builds[0]?.name } });
    expect(passing(builtIn).toSorted()).toEqual([...PROVEN, ...REGISTERS, "dstack.os-image", "dstack.key-provider"].toSorted());
    expect(idsOf(builtIn, ({ required }) => required)).toEqual(
      expect.arrayContaining([...REGISTERS, "dstack.os-image", "dstack.key-provider"]),
    );
  });

  it("is judged by each policy for itself", async () => {
    const [accepted, refused] = await Promise.all([appraiseCapture(venice), appraiseCapture(policyOf({ ...BUILD, rtmr2: other(96) }))]);
    expect(accepted).toMatchObject({ ok: true, pinned: true });
    expect(refused).toMatchObject({ ok: false, pinned: false });
    expect(failing(refused)).toEqual(["measure.rtmr2"]);
    expect(refused.claims).not.toHaveProperty("build");
    expect(refused.signingKey).toBeUndefined();
  });

  it("is not ok without reference values", async () => {
    const result = await appraiseCapture(parsePolicy({ version: 1 }));
    expect(result.ok).toBe(false);
    expect(result.signingKey).toBeUndefined();
    expect(failing(result)).toEqual([]);
    expect(requiredButNotMade(result)).toEqual(REGISTERS);
    expect(find(result, "measure.mrtd")?.reason).toContain("any TDX machine would pass");
  });

  it("is not ok without collateral, and says where to get it", async () => {
    const result = await appraiseCapture(venice, () => ({ endorsements: undefined }));
    expect(result.ok).toBe(false);
    expect(failing(result)).toEqual([]);
    expect(requiredButNotMade(result)).toEqual([
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
    expect(find(result, "tdx.tcb-info-signature")?.reason).toMatch(/PCS/);
  });

  it("never mixes the values of two builds", async () => {
    const result = await appraiseCapture(policyOf({ ...BUILD, name: "a", mrtd: other(96) }, { ...BUILD, name: "b", rtmr1: other(96) }));
    expect(result.ok).toBe(false);
    expect(failing(result)).toEqual(["measure.mrtd"]);
  });

  it("finds the matching build among others", async () => {
    const result = await appraiseCapture(
      policyOf({ ...BUILD, name: "old", rtmr1: other(96), rtmr2: other(96) }, { ...BUILD, name: "current" }),
    );
    expect(result.claims.build).toBe("current");
  });

  it("is refused under a build that has expired, unless the same build is also listed without an expiry", async () => {
    const expired = { ...BUILD, name: "expired", expires: "2026-04-24" };
    const refused = await appraiseCapture(policyOf(expired));
    expect(refused.ok).toBe(false);
    expect(failing(refused)).toEqual(REGISTERS);
    expect(find(refused, "measure.mrtd")?.reason).toBe('build "expired" is accepted only until 2026-04-24');
    expect((await appraiseCapture(policyOf(expired, BUILD))).ok).toBe(true);
  });

  it("is not ok where the policy requires what it does not prove", async () => {
    const policy = parsePolicy({ version: 1, builds: [BUILD], require: ["keys.signed", "weights.named"] });
    const result = await appraiseCapture(policy);
    expect(result.ok).toBe(false);
    expect(requiredButNotMade(result)).toEqual(["keys.signed", "weights.named"]);
  });
});

describe.skipIf(noVectors)("the eight GPUs of the recorded answer", () => {
  const change = async (policy: Policy, edit: Mutation["change"], more: Partial<AppraisalInput> = {}) => {
    const changed = await edit(readVeniceCapture());
    return await appraiseCapture(policy, () => ({ ...changed, ...more }));
  };
  const passingGpu = (result: AttestationResult) => passing(result).filter((id) => id.startsWith("gpu."));

  it("say in plain words what is missing of them", async () => {
    const result = await appraiseCapture(venice);
    const reasons = new Map(result.checks.map(({ id, reason }) => [id, reason]));
    expect(reasons.get("gpu.rim-driver")).toBe("all 8 GPUs: no manifest for driver 570.172.08 is at hand (NV_GPU_DRIVER_GH100_570.172.08)");
    expect(reasons.get("gpu.rim-vbios")).toContain("NV_GPU_VBIOS_G520_0280_895_9600CF0002");
    expect(reasons.get("gpu.switches")).toContain("in PPCIE mode");
    expect(reasons.get("gpu.revocation")).toContain("no OCSP answers came along");
    expect(reasons.get("gpu.bound-to-cpu")).toMatch(/^no vendor offers a proof/);
  });

  it("may come in any order, and the payload's own word on the nonce counts for nothing", async () => {
    const reversed = await change(
      venice,
      gpuList((list) => list.toReversed()),
    );
    expect(reversed).toMatchObject({ ok: true, claims: { gpus: GPUS.toReversed() } });
    const stated = await change(
      venice,
      gpuPayload((text) => text.replace(/"nonce":\s*"[0-9a-f]{64}"/, `"nonce":"${other(64)}"`)),
    );
    expect(stated).toMatchObject({ ok: true, claims: { gpus: GPUS } });
  });

  it("are as many as were served: fewer pass only where the policy does not count them", async () => {
    const seven = gpuList((list) => list.slice(1));
    expect(await change(venice, seven)).toMatchObject({ ok: true, claims: { gpus: GPUS.slice(1) } });
    const counted = await change(parsePolicy({ ...venice, gpu: { count: 8 } }), seven);
    expect(counted).toMatchObject({ ok: false });
    expect(failing(counted)).toEqual(["gpu.present"]);
    expect(counted.claims).not.toHaveProperty("gpus");
    expect(counted.signingKey).toBeUndefined();
  });

  it("are asked for by a policy that counts them, also where the server leaves them out", async () => {
    const none = await change(
      parsePolicy({ version: 1, builds: [BUILD], gpu: { count: 8 } }),
      gpuPayload(() => ""),
    );
    expect(none.ok).toBe(false);
    expect(failing(none)).toEqual(["gpu.present"]);
    expect(requiredButNotMade(none)).toEqual(["gpu.nonce", "gpu.cert-chain", "gpu.report-signature"]);
  });

  it("are SIMULATED, and the whole with them, if one of them is", async () => {
    const result = await change(venice, simulated());
    expect(result).toMatchObject({ ok: true, simulated: true, pinned: true });
    expect(result.claims.gpus?.slice(0, 7)).toEqual(GPUS.slice(0, 7));
    expect(find(result, "gpu.cert-chain")?.reason).toContain("SIMULATED");
    const unnamed = await change(venice, simulated(), { trustRoots: [] });
    expect(unnamed).toMatchObject({ ok: false, simulated: false });
    expect(failing(unnamed)).toEqual(["gpu.cert-chain"]);
  });

  it("fail wherever a bit of one of them is another one", async () => {
    const owners = new Set<CheckId>();
    for (let at = 0; at < 8; at++) {
      for (const part of [0.1, 0.5, 0.9]) {
        const result = await change(
          venice,
          gpu(at, ({ evidence }) => ({ evidence: flippedBase64(evidence, Math.floor((evidence.length * 3 * part) / 4)) })),
        );
        expect(result).toMatchObject({ ok: false });
        expect(result.claims).not.toHaveProperty("gpus");
        expect(failing(result).every((id) => id.startsWith("gpu."))).toBe(true);
        for (const id of failing(result)) owners.add(id);
      }
    }
    expect([...owners].toSorted()).toEqual(["gpu.report-signature"]);
  });

  it("are no part of a quote that is judged alone", async () => {
    const result = await appraiseCapture(anyBuild, () => ({ scope: "platform", nonce: undefined }));
    for (const id of GPU_IDS) expect(find(result, id)).toMatchObject({ status: "not-checked", required: false });
    expect(result.claims).not.toHaveProperty("gpus");
  });

  it("mean nothing beside a quote of which nothing is proven", async () => {
    const result = await appraiseCapture(venice, ({ evidence }) => ({
      evidence: { ...evidence, quote: evidence.quote.map((byte, index) => (index === 700 ? byte ^ 1 : byte)) },
    }));
    for (const id of GPU_IDS)
      expect(find(result, id)).toMatchObject({
        status: "not-checked",
        reason: expect.stringMatching(/tdx\.[a-z-]+ did not pass/) as string,
      });
    expect(result.claims).not.toHaveProperty("gpus");
  });

  it("are vouched for by NVIDIA's service for an hour, for this nonce, and only as it said it", async () => {
    const opinion = readVeniceOpinion();
    const asked = parsePolicy({ ...venice, require: [...venice.require, "gpu.nras"] });
    const judge = (nras: typeof opinion, more: Partial<AppraisalInput> = {}) =>
      appraiseCapture(asked, () => ({ gpuEndorsements: { rims: [], ocsp: [], nras }, ...more }));
    const { nowMs } = readVeniceCapture();

    const good = await judge(opinion);
    expect(good).toMatchObject({ ok: true, simulated: false });
    expect(passingGpu(good)).toEqual([...PROVEN.filter((id) => id.startsWith("gpu.")), "gpu.nras"]);
    const late = await judge(opinion, { nowMs: nowMs + 3_600_000 });
    expect(failing(late)).toEqual(["gpu.nras"]);
    expect(find(late, "gpu.nras")?.reason).toMatch(/expired|clock/);
    expect(failing(await judge(opinion, { nonce: { query: other(64), sealed: true } }))).toEqual(["nonce.bound", "gpu.nonce", "gpu.nras"]);
    const [overall, modules] = opinion.token as [unknown, Record<string, string>];
    const swapped = { ...modules, "GPU-0": modules["GPU-1"], "GPU-1": modules["GPU-0"] };
    expect(failing(await judge({ ...opinion, token: [overall, swapped] }))).toEqual(["gpu.nras"]);
    expect(failing(await judge({ ...opinion, jwks: { keys: [] } }))).toEqual(["gpu.nras"]);
    const unasked = await appraiseCapture(asked);
    expect(unasked.ok).toBe(false);
    expect(requiredButNotMade(unasked)).toEqual(["gpu.nras"]);
  });
});

/** What a server may leave out; never may that make a result better. */
const OMISSIONS: readonly (readonly [string, (answer: Json) => void, readonly CheckId[]])[] = [
  [
    "the event log",
    (answer) => {
      delete answer["event_log"];
      delete answer["info"].tcb_info.event_log;
    },
    ["eventlog.replay", "dstack.compose-hash", "dstack.os-image", "dstack.key-provider", "image.digests-pinned"],
  ],
  ["the compose document", ({ info }) => delete info.tcb_info.app_compose, ["image.digests-pinned"]],
  ["the second quote", (answer) => delete answer["compose_manager_attestation"], ["dstack.runtime-compose"]],
  ["all that dstack says", (answer) => delete answer["info"], ["image.digests-pinned"]],
];

/** What no check of ours rests on: words of the server's, and payloads of firmware events, whose digests alone are measured. */
const WORDS: readonly (readonly [string, (answer: Json) => void])[] = [
  ["the server's own verdict", (answer) => (answer["verified"] = false)],
  ["the server's own verification", (answer) => delete answer["server_verification"]],
  ["tee_provider", (answer) => (answer["tee_provider"] = "somebody")],
  ["a register stated in tcb_info", ({ info }) => (info.tcb_info.rtmr0 = other(96))],
  ["the mr_aggregated stated", ({ info }) => (info.mr_aggregated = other(64))],
  ["the VM's configuration", ({ info }) => (info.vm_config = "{}")],
  ["the app's certificate", ({ info }) => delete info.app_cert],
  [
    "a firmware event's payload, in both logs",
    (answer) => {
      for (const log of [answer["event_log"], answer["info"].tcb_info.event_log]) log[0].event_payload = "00";
      delete answer["compose_manager_attestation"].event_log;
    },
  ],
];

describe.skipIf(noVectors)("the recorded answer with something left out", () => {
  const policy = parsePolicy({ ...venice, require: ["eventlog.replay", "dstack.runtime-compose", "image.digests-pinned"] });

  it.each(OMISSIONS)("lacks checks without %s, and fails none", async (_, edit, lacking) => {
    const result = await appraiseCapture(policy, edited(edit));
    expect(failing(result)).toEqual([]);
    expect(requiredButNotMade(result)).toEqual(lacking);
    expect(result.ok).toBe(false);
    expect(result.signingKey).toBeUndefined();
  });

  it("says that nobody knows what runs where the compose document is missing", async () => {
    const { couldRead } = await appraiseCapture(
      venice,
      edited(({ info }) => delete info.tcb_info.app_compose),
    );
    expect(couldRead.join("\n")).toContain("which programs see the prompt is not known");
  });
});

describe.skipIf(noVectors)("the recorded answer with other words in it", () => {
  it.each(WORDS)("gives the same for another %s", async (_, edit) => {
    const [said, recorded] = await Promise.all([appraiseCapture(venice, edited(edit)), appraiseCapture(venice)]);
    const judged = ({ checks }: AttestationResult) => checks.map(({ id, status, required }) => [id, status, required]);
    expect(judged(said)).toEqual(judged(recorded));
    expect(said.claims).toEqual(recorded.claims);
    expect(said.ok).toBe(true);
  });
});
