import { describe, expect, it } from "vitest";
import { type AttestationResult, type Check, CHECK_IDS, type CheckId, type Claims } from "../result.ts";
import type { GpuClaim } from "../nvidia/gpu-claim.ts";
import { diffBuild, diffPolicy } from "./diff.ts";
import { acceptBuild, assertProven, PinError, pinPolicy, surveyPolicy } from "./pin.ts";
import { parsePolicy, type Policy, PolicyError } from "./policy.ts";

const NOW_MS = Date.parse("2026-05-01T00:00:00Z");
const hex = (pair: string, bytes = 48) => pair.repeat(bytes);
const labels = { name: "release 1", source: "a test", date: "2026-05-01" };

const claims: Claims = {
  mrtd: hex("a0"),
  rtmr0: hex("a1"),
  rtmr1: hex("a2"),
  rtmr2: hex("a3"),
  rtmr3: hex("a4"),
  compose_hash: hex("c0", 32),
  os_image_hash: hex("05", 32),
  key_provider: "kms:30",
  tcb_status: "UpToDate",
  tcb_evaluation_number: 18,
  advisories: [],
};

/** An appraisal whose checks all passed, but for those that are named. */
function result(changes: Partial<Record<CheckId, Partial<Check>>> = {}, others: Partial<Claims> = {}): AttestationResult {
  const checks = CHECK_IDS.map((id): Check => ({
    id,
    status: "pass",
    required: !id.startsWith("gpu.") || changes[id]?.status === "fail",
    reason: `reason of ${id}`,
    ...changes[id],
  }));
  const kept = Object.fromEntries(Object.entries({ ...claims, ...others }).filter(([, value]) => value !== undefined));
  return {
    ok: true,
    simulated: false,
    debug: false,
    pinned: false,
    scope: "enclave",
    checks,
    claims: kept,
    stated: {},
    readers: [],
    couldRead: [],
  } as AttestationResult;
}

const gpuClaim = (index: number, arch: GpuClaim["arch"] = "HOPPER"): GpuClaim => ({ model: "GH100 A01 GSP BROM", arch, ueid: `0${index}` });
const hoppers = Array.from({ length: 8 }, (_, index) => gpuClaim(index));
/** What a signed keys statement says of an enclave that opens whole requests. */
const sealedBodies = { versions: ["1", "2"], hpke_key_config: "00".repeat(41) } as const;
/** What every GPU proves by itself. */
const GPU_EVIDENCE: CheckId[] = ["gpu.present", "gpu.nonce", "gpu.cert-chain", "gpu.report-signature", "gpu.fwid"];
/** What passes only with more than the evidence. */
const GPU_BEYOND: CheckId[] = [
  "gpu.named-by-enclave",
  "gpu.revocation",
  "gpu.rim-driver",
  "gpu.rim-vbios",
  "gpu.measurements",
  "gpu.debug-off",
  "gpu.switches",
  "gpu.nras",
];
const unmade = (...ids: CheckId[]): Partial<Record<CheckId, Partial<Check>>> =>
  Object.fromEntries(ids.map((id) => [id, { status: "not-checked", required: false }]));

const failing = (id: CheckId) => result({ [id]: { status: "fail" } });
const pinned = pinPolicy(result(), labels);

describe("pinPolicy", () => {
  it("writes down what was proven, and nothing else", () => {
    expect(pinPolicy(result(), { ...labels, provider: "x", expires: "2027-05-01" })).toEqual({
      version: 1,
      provider: "x",
      builds: [
        {
          ...labels,
          expires: "2027-05-01",
          mrtd: claims.mrtd,
          rtmr0: claims.rtmr0,
          rtmr1: claims.rtmr1,
          rtmr2: claims.rtmr2,
          compose_hash: claims.compose_hash,
          os_image_hash: claims.os_image_hash,
          key_provider: "kms:30",
        },
      ],
      tcb: { accept: ["UpToDate"], min_evaluation_number: 18, refuse_advisories: [] },
      gpu: { allow_hold: false },
      allow: { debug: false, sept_ve_disable_off: false, service_td: false, unpinned_images: false },
      require: ["keys.signed"],
    });
  });

  it("requires a keys statement of an enclave that made one, so that no relay can take it out", () => {
    expect(pinPolicy(result({ "keys.signed": { status: "not-checked", required: false } }), labels).require).toEqual([]);
  });

  it("asks again for the GPUs that proved themselves, as many and of these architectures", () => {
    const policy = pinPolicy(result(unmade(...GPU_BEYOND), { gpus: hoppers }), labels);
    expect(policy.gpu).toEqual({ count: 8, archs: ["HOPPER"], allow_hold: false });
    expect(policy.require.toSorted()).toEqual(["keys.signed", ...GPU_EVIDENCE].toSorted());
    expect(diffPolicy(policy, result({}, { gpus: hoppers }), NOW_MS).values).toEqual([]);
    const mixed = pinPolicy(result({}, { gpus: [gpuClaim(0, "BLACKWELL"), gpuClaim(1), gpuClaim(2, "BLACKWELL")] }), labels);
    expect(mixed.gpu).toEqual({ count: 3, archs: ["HOPPER", "BLACKWELL"], allow_hold: false });
  });

  it.each(GPU_BEYOND.filter((id) => id !== "gpu.nras"))("asks for %s where it passed, and only there", (id) => {
    const others = GPU_BEYOND.filter((other) => other !== id);
    expect(pinPolicy(result(unmade(...others), { gpus: hoppers }), labels).require.toSorted()).toEqual(
      ["keys.signed", ...GPU_EVIDENCE, id].toSorted(),
    );
    expect(pinPolicy(result(unmade(id), { gpus: hoppers }), labels).require).not.toContain(id);
  });

  it("asks for no firmware identity of GPUs whose driver reports none, and never that their evidence be sent to NVIDIA", () => {
    const { require } = pinPolicy(result(unmade("gpu.fwid"), { gpus: hoppers }), labels);
    expect(require).toContain("gpu.present");
    expect(require).not.toContain("gpu.fwid");
    expect(require).not.toContain("gpu.nras");
  });

  it.each([[undefined], [[]]])("asks for no GPUs where the claims have %s", (gpus) => {
    const policy = pinPolicy(result({}, { gpus } as never), labels);
    expect(policy.gpu).toEqual({ allow_hold: false });
    expect(policy.require).toEqual(["keys.signed"]);
  });

  it("takes over that a certificate on hold was accepted, and only if it is told to", () => {
    expect(pinPolicy(result({}, { gpus: hoppers }), { ...labels, gpu: { allow_hold: true } }).gpu).toMatchObject({
      allow_hold: true,
      count: 8,
    });
    expect(pinPolicy(result({}, { gpus: hoppers }), labels).gpu.allow_hold).toBe(false);
  });

  it("refuses GPUs of which one check failed", () => {
    for (const id of [...GPU_EVIDENCE, ...GPU_BEYOND]) {
      expect(() => pinPolicy(result({ [id]: { status: "fail" } }, { gpus: hoppers }), labels)).toThrow(`${id} failed`);
    }
  });

  it("has requests sealed whole where the enclave's statement offers it with a key, and nowhere else", () => {
    expect(pinPolicy(result({}, sealedBodies), labels).protocol).toBe(2);
    expect(pinPolicy(result({}, { versions: ["1"], hpke_key_config: "00" }), labels)).not.toHaveProperty("protocol");
    expect(pinPolicy(result({}, { versions: ["1", "2"] }), labels)).not.toHaveProperty("protocol");
    expect(pinPolicy(result({}, { versions: ["22"], hpke_key_config: "00" }), labels)).not.toHaveProperty("protocol");
    expect(pinned).not.toHaveProperty("protocol");
  });

  it("accepts the status that the platform had, and better", () => {
    expect(pinPolicy(result({}, { tcb_status: "OutOfDate" }), labels).tcb.accept).toEqual(["UpToDate", "OutOfDate"]);
  });

  it("takes over the weaknesses that the enclave was appraised with", () => {
    expect(pinPolicy(result(), { ...labels, allow: { service_td: true } }).allow).toEqual({
      debug: false,
      sept_ve_disable_off: false,
      service_td: true,
      unpinned_images: false,
    });
    const forgiven = result({ "image.digests-pinned": { status: "fail", required: false } });
    expect(pinPolicy(forgiven, { ...labels, allow: { unpinned_images: true } }).allow.unpinned_images).toBe(true);
    expect(() => pinPolicy(failing("image.digests-pinned"), labels)).toThrow("image.digests-pinned");
  });

  it("leaves out what is not proven of dstack", () => {
    const [build] = pinPolicy(result({}, { os_image_hash: undefined, key_provider: undefined } as never), labels).builds;
    expect(Object.keys(build ?? {})).toEqual(["name", "source", "date", "mrtd", "rtmr0", "rtmr1", "rtmr2", "compose_hash"]);
  });

  // Each alone: else anyone could have written the values, or replayed them.
  const proof: CheckId[] = [
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
    "td.debug-off",
  ];
  it.each(proof)("refuses when %s failed, was not made, or is not even asked for", (id) => {
    for (const change of [{ status: "fail" }, { status: "not-checked" }, { status: "not-checked", required: false }] as const) {
      const pin = () => pinPolicy(result({ [id]: change }), labels);
      expect(pin).toThrow(PinError);
      expect(pin).toThrow(new RegExp(`${id} .*reason of ${id}`));
    }
  });

  it.each([
    "td.attributes",
    "td.service-td",
    "td.seam-signer",
    "tdx.module-identity",
    "tdx.evaluation-number",
    "eventlog.replay",
    "gpu.nonce",
  ] as const)("refuses when %s failed", (id) => {
    expect(() => pinPolicy(failing(id), labels)).toThrow(id);
  });

  it.each([
    "measure.mrtd",
    "measure.rtmr2",
    "dstack.compose-hash",
    "dstack.os-image",
    "dstack.key-provider",
    "tdx.tcb-status",
    "tdx.advisories",
  ] as const)("writes a policy although %s failed, which another policy decided", (id) => {
    expect(pinPolicy(failing(id), labels)).toEqual(pinned);
  });

  it.each([
    ["a debugged TD", { ...result(), debug: true }, "debug"],
    ["a platform that no collateral judged", result({}, { tcb_status: undefined } as never), "collateral"],
    ["collateral without a number", result({}, { tcb_evaluation_number: undefined } as never), "collateral"],
    ["a revoked platform", result({}, { tcb_status: "Revoked" }), "revoked"],
    ["no compose hash", result({}, { compose_hash: undefined } as never), "compose document"],
    ["no measurements", result({}, { mrtd: undefined } as never), "measurements"],
  ])("refuses %s", (_, appraised, words) => {
    const pin = () => pinPolicy(appraised, labels);
    expect(pin).toThrow(PinError);
    expect(pin).toThrow(words);
  });

  it("names the label that cannot be used", () => {
    expect(() => pinPolicy(result(), { ...labels, expires: "soon" })).toThrow(PolicyError);
    expect(() => pinPolicy(result(), { ...labels, expires: "2026-04-30" })).toThrow("builds[0].expires");
    expect(() => pinPolicy(result(), { ...labels, name: "" })).toThrow("builds[0].name");
  });
});

describe("surveyPolicy", () => {
  it("lets any build and status through, and keeps what a policy allows and demands", () => {
    const survey = surveyPolicy(
      parsePolicy({ ...pinned, allow: { sept_ve_disable_off: true }, require: ["dstack.os-image", "key.exclusive"] }),
    );
    expect(survey).toMatchObject({ measurements: "any", builds: [], require: ["key.exclusive"] });
    expect(survey.allow.sept_ve_disable_off).toBe(true);
    expect(survey.tcb.accept).toContain("OutOfDate");
    expect(survey.tcb.accept).not.toContain("Revoked");
    expect(surveyPolicy(parsePolicy({ version: 1, protocol: 2, gpu: { count: 8, archs: ["HOPPER"], allow_hold: true } }))).toMatchObject({
      gpu: { allow_hold: true },
    });
    const withGpus = surveyPolicy(parsePolicy({ version: 1, protocol: 2, gpu: { count: 8, archs: ["HOPPER"] } }));
    expect(withGpus.gpu).toEqual({ allow_hold: false });
    expect(withGpus).not.toHaveProperty("protocol");
    expect(surveyPolicy().allow).toEqual({ debug: false, sept_ve_disable_off: false, service_td: false, unpinned_images: false });
  });
});

describe("diffBuild and diffPolicy", () => {
  it("finds nothing in an enclave that was pinned", () => {
    expect(diffPolicy(pinned, result(), NOW_MS)).toEqual({ build: pinned.builds[0], values: [] });
  });

  it.each(["mrtd", "rtmr0", "rtmr1", "rtmr2"] as const)("names %s when it changed", (name) => {
    const { values } = diffBuild({ ...claims, [name]: hex("ff") }, pinned, NOW_MS);
    expect(values).toEqual([{ name, expected: claims[name], actual: hex("ff") }]);
  });

  it.each(["compose_hash", "os_image_hash"] as const)("names %s when it changed or is not proven", (name) => {
    expect(diffBuild({ ...claims, [name]: hex("ff", 32) }, pinned, NOW_MS).values).toEqual([
      { name, expected: claims[name], actual: hex("ff", 32) },
    ]);
    const { [name]: _, ...others } = claims;
    expect(diffBuild(others, pinned, NOW_MS).values).toEqual([{ name, expected: claims[name] }]);
  });

  it("takes a key provider by its name where the build names no id", () => {
    const byName = { ...pinned, builds: pinned.builds.map((build) => ({ ...build, key_provider: "kms" })) };
    expect(diffBuild(claims, byName, NOW_MS).values).toEqual([]);
    expect(diffBuild({ ...claims, key_provider: "tpm" }, byName, NOW_MS).values).toEqual([
      { name: "key_provider", expected: "kms", actual: "tpm" },
    ]);
    expect(diffBuild({ ...claims, key_provider: "kms:31" }, pinned, NOW_MS).values).toHaveLength(1);
  });

  it("compares with the nearest build, and names none of another", () => {
    const [build] = pinned.builds;
    const far = { ...build, name: "far", mrtd: hex("00"), rtmr0: hex("00") };
    const two = parsePolicy({ ...pinned, builds: [far, build] });
    const difference = diffBuild({ ...claims, rtmr2: hex("ff") }, two, NOW_MS);
    expect(difference.build?.name).toBe("release 1");
    expect(difference.values.map(({ name }) => name)).toEqual(["rtmr2"]);
  });

  it("tells builds of the same registers apart by what runs in them", () => {
    const [build] = pinned.builds;
    const { compose_hash: _, ...bare } = build!;
    const images = (name: string, ...digests: string[]) => ({ ...bare, name, images: digests });
    const policy = parsePolicy({ ...pinned, builds: [images("a", hex("11", 32)), images("b", hex("22", 32), hex("33", 32))] });
    const running = { ...claims, images: [`redis@sha256:${hex("22", 32)}`, `x/y:1@sha256:${hex("33", 32)}`] };
    expect(diffBuild(running, policy, NOW_MS)).toMatchObject({ build: { name: "b" }, values: [] });
    const other = `redis@sha256:${hex("44", 32)}`;
    expect(diffBuild({ ...claims, images: [other, "redis:7"] }, policy, NOW_MS).values).toEqual([
      { name: "images", expected: hex("11", 32), actual: `${other}, redis:7` },
    ]);
    expect(diffBuild(claims, policy, NOW_MS).values).toEqual([{ name: "images", expected: hex("11", 32) }]);
  });

  it("says when a build has ended", () => {
    const ended = parsePolicy({ ...pinned, builds: pinned.builds.map((build) => ({ ...build, expires: "2026-05-01" })) });
    expect(diffBuild(claims, ended, NOW_MS - 1).values).toEqual([]);
    expect(diffBuild(claims, ended, NOW_MS).values).toEqual([
      { name: "expires", expected: "before 2026-05-01", actual: "2026-05-01T00:00:00.000Z" },
    ]);
  });

  it("never calls a policy without builds the same", () => {
    expect(diffBuild(claims, parsePolicy({ version: 1 }), NOW_MS).values).toMatchObject([{ name: "builds" }]);
    expect(diffBuild(claims, parsePolicy({ version: 1, measurements: "any" }), NOW_MS)).toEqual({ values: [] });
  });

  it("compares status, number and advisories of the platform", () => {
    const strict = parsePolicy({ ...pinned, tcb: { ...pinned.tcb, refuse_advisories: ["INTEL-SA-00001"] } });
    const old = result({}, { tcb_status: "OutOfDate", tcb_evaluation_number: 17, advisories: ["INTEL-SA-00001", "INTEL-SA-00002"] });
    expect(diffPolicy(strict, old, NOW_MS).values).toEqual([
      { name: "tcb.accept", expected: "UpToDate", actual: "OutOfDate" },
      { name: "tcb.min_evaluation_number", expected: "18 or more", actual: "17" },
      { name: "tcb.refuse_advisories", expected: "none of them", actual: "INTEL-SA-00001" },
    ]);
    expect(diffPolicy(strict, { claims: {} }, NOW_MS).values.map(({ name }) => name)).toContain("tcb.accept");
  });
});

describe("diffPolicy, of GPUs and protocol", () => {
  const values = (rules: object, others: Partial<Claims>) =>
    diffPolicy(parsePolicy({ ...pinned, ...rules }), result({}, others), NOW_MS).values;

  it("names another number of GPUs, and none at all", () => {
    expect(values({ gpu: { count: 8 } }, { gpus: hoppers })).toEqual([]);
    expect(values({ gpu: { count: 8 } }, { gpus: hoppers.slice(1) })).toEqual([{ name: "gpu.count", expected: "8", actual: "7" }]);
    expect(values({ gpu: { count: 7 } }, { gpus: hoppers })).toEqual([{ name: "gpu.count", expected: "7", actual: "8" }]);
    expect(values({ gpu: { count: 8 } }, {})).toEqual([{ name: "gpu.count", expected: "8" }]);
  });

  it("names another architecture, also of one GPU among many", () => {
    expect(values({ gpu: { archs: ["BLACKWELL"] } }, { gpus: hoppers })).toEqual([
      { name: "gpu.archs", expected: "BLACKWELL", actual: "HOPPER" },
    ]);
    expect(values({ gpu: { archs: ["HOPPER"] } }, { gpus: [...hoppers.slice(1), gpuClaim(9, "BLACKWELL")] })).toEqual([
      { name: "gpu.archs", expected: "HOPPER", actual: "HOPPER, BLACKWELL" },
    ]);
    expect(values({ gpu: { archs: ["HOPPER", "BLACKWELL"] } }, {})).toEqual([{ name: "gpu.archs", expected: "HOPPER, BLACKWELL" }]);
    expect(values({ gpu: { archs: ["HOPPER", "BLACKWELL"] } }, { gpus: hoppers })).toEqual([]);
  });

  it("says nothing of GPUs where the policy asks for none", () => {
    expect(values({}, { gpus: hoppers })).toEqual([]);
    expect(values({ gpu: { allow_hold: true } }, {})).toEqual([]);
  });

  it("names a protocol that the enclave does not offer, or offers without a key", () => {
    expect(values({ protocol: 2 }, sealedBodies)).toEqual([]);
    expect(values({ protocol: 2 }, { versions: ["1"] })).toEqual([{ name: "protocol", expected: "2", actual: "1" }]);
    expect(values({ protocol: 2 }, { versions: ["1", "2"] })).toEqual([
      { name: "protocol", expected: "2", actual: "1, 2 without an hpke_key_config" },
    ]);
    expect(values({ protocol: 2 }, {})).toEqual([{ name: "protocol", expected: "2" }]);
    expect(values({ protocol: 1 }, sealedBodies)).toEqual([]);
    expect(values({ protocol: 1 }, {})).toEqual([]);
  });
});

describe("acceptBuild", () => {
  const changed = result({}, { rtmr2: hex("ff"), compose_hash: hex("cc", 32) });
  const labels2 = { ...labels, name: "release 2" };

  it("adds the build and leaves the rest as it is", () => {
    const policy = acceptBuild(pinned, changed, labels2, NOW_MS);
    expect({ ...policy, builds: policy.builds.slice(0, 1) }).toEqual(pinned);
    expect(policy.builds[1]).toMatchObject({ name: "release 2", mrtd: claims.mrtd, rtmr2: hex("ff"), compose_hash: hex("cc", 32) });
    expect(diffPolicy(policy, changed, NOW_MS).values).toEqual([]);
    expect(diffPolicy(policy, result(), NOW_MS).values).toEqual([]);
  });

  it("accepts a build again that had ended", () => {
    const ended = parsePolicy({ ...pinned, builds: pinned.builds.map((build) => ({ ...build, expires: "2026-05-01" })) });
    const policy = acceptBuild(ended, result(), { ...labels2, expires: "2026-06-01" }, NOW_MS);
    expect(diffPolicy(policy, result(), NOW_MS)).toMatchObject({ build: { name: "release 2" }, values: [] });
  });

  it("writes down what the policy requires of a build", () => {
    const demanding = parsePolicy({ ...pinned, builds: [], require: ["measure.rtmr3", "dstack.os-image"] });
    expect(acceptBuild(demanding, changed, labels2, NOW_MS).builds[0]).toMatchObject({
      rtmr3: claims.rtmr3,
      os_image_hash: claims.os_image_hash,
    });
    const unproven = result({}, { os_image_hash: undefined } as never);
    expect(() => acceptBuild(demanding, unproven, labels2, NOW_MS)).toThrow("builds[0].os_image_hash");
  });

  const refused: [string, Policy, AttestationResult, string][] = [
    ["an enclave that is accepted already", pinned, result(), 'as build "release 1"'],
    ["a platform that is not proven", pinned, failing("tdx.pck-crl"), "tdx.pck-crl"],
    ["a status that the policy does not accept", pinned, result({}, { rtmr2: hex("ff"), tcb_status: "OutOfDate" }), "tcb.accept"],
    [
      "collateral that is too old for the policy",
      pinned,
      result({}, { rtmr2: hex("ff"), tcb_evaluation_number: 17 }),
      "tcb.min_evaluation_number",
    ],
    [
      "GPUs that the policy's rules refuse",
      parsePolicy({ ...pinned, gpu: { archs: ["BLACKWELL"] } }),
      result({}, { rtmr2: hex("ff"), gpus: hoppers }),
      "gpu.archs asks for BLACKWELL, and this enclave has HOPPER",
    ],
    [
      "GPUs that are not there",
      parsePolicy({ ...pinned, gpu: { count: 8 } }),
      result({}, { rtmr2: hex("ff") }),
      "gpu.count asks for 8, and this enclave has nothing proven",
    ],
    [
      "an enclave that does not open whole requests",
      parsePolicy({ ...pinned, protocol: 2 }),
      result({}, { rtmr2: hex("ff"), versions: ["1"] }),
      "protocol asks for 2, and this enclave has 1",
    ],
    ["a policy that accepts anything", parsePolicy({ version: 1, measurements: "any" }), result(), "any measurements"],
  ];
  it.each(refused)("refuses %s", (_, policy, appraised, words) => {
    const accept = () => acceptBuild(policy, appraised, labels2, NOW_MS);
    expect(accept).toThrow(PinError);
    expect(accept).toThrow(words);
  });

  it("refuses a name that the policy has", () => {
    expect(() => acceptBuild(pinned, changed, labels, NOW_MS)).toThrow('a build "release 1" already');
  });
});

describe("assertProven", () => {
  it("names the check that failed before those that were not made for it", () => {
    const { checks } = result({ "nonce.bound": { status: "not-checked" }, "tdx.pck-chain": { status: "fail" } });
    expect(() => assertProven({ checks, debug: false })).toThrow("tdx.pck-chain failed");
  });

  it("says nothing of an enclave that is proven", () => {
    expect(assertProven(result())).toBeUndefined();
    expect(() => assertProven({ ...result(), debug: true })).toThrow(PinError);
  });
});
