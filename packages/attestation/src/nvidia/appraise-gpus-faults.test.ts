import { parseHex, toHex, utf8 } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { bounded } from "../../../../tests/support/bounded.ts";
import type { CheckId } from "../result.ts";
import {
  compositeDeviceId,
  createGpuMint,
  type DeviceChanges,
  FWID,
  HOPPER_OPAQUE,
  mintCertificate,
  type MintedDevice,
  mintKey,
  mintOcspAnswer,
  tcbInfo,
} from "../testing/minted-gpus.ts";
import { sha256 } from "../x509/ecdsa.ts";
import { appraiseGpus, type GpuInput } from "./appraise-gpus.ts";
import { parseGpuTrustRoots } from "./nvidia-roots.ts";

const nowMs = Date.UTC(2026, 5, 1);
const nonce = new Uint8Array(32).fill(5);
const mint = await createGpuMint();
const roots = parseGpuTrustRoots([mint.root.der]);
const good = await mint.device(nonce);
const key = await mintKey();
const other = new Uint8Array(48).fill(0xee);
const without = (type: number) => HOPPER_OPAQUE.filter(([field]) => field !== type);
const withField = (type: number, value: Uint8Array) => [...without(type), [type, value] as const];

function payloadOf(...devices: readonly MintedDevice[]): string {
  return JSON.stringify({ nonce: toHex(nonce), arch: "HOPPER", evidence_list: devices.map(({ entry }) => entry) });
}

async function appraise(payload: string | undefined, input: Partial<GpuInput> = {}) {
  const named = payload === undefined ? {} : { namedSha256: toHex(await sha256(utf8(payload))) };
  return appraiseGpus({ payload, nonce, rules: { allow_hold: false }, nowMs, roots, ...named, ...input });
}

type Findings = Awaited<ReturnType<typeof appraise>>;
const idsOf = ({ findings }: Findings, status: string): CheckId[] =>
  findings.filter((finding) => finding.status === status).map(({ id }) => id);
const finding = ({ findings }: Findings, id: CheckId) => findings.find((each) => each.id === id);

const PASSED = ["gpu.present", "gpu.named-by-enclave", "gpu.cert-chain", "gpu.report-signature", "gpu.nonce", "gpu.fwid"];

describe("two good GPUs under a named root", () => {
  it("pass what their evidence alone can show, and are simulated", async () => {
    const result = await appraise(payloadOf(good, await mint.device(nonce)));
    expect(idsOf(result, "pass")).toEqual(PASSED);
    expect(idsOf(result, "fail")).toEqual([]);
    expect(result.findings.map(({ id }) => id).toSorted()).toEqual([...new Set(result.findings.map(({ id }) => id))].toSorted());
    expect(result.findings).toHaveLength(14);
    expect(result.simulated).toBe(true);
    expect(result.claims.gpus).toHaveLength(2);
    expect(result.claims.gpus?.[0]).toMatchObject({
      model: "GH100 A01 GSP BROM",
      arch: "HOPPER",
      driver: "570.0.1",
      vbios: "96.00.5E.00.01",
      mode: "SPT",
    });
  });

  it("are nobody's without the name of their root", async () => {
    const result = await appraise(payloadOf(good), { roots: parseGpuTrustRoots() });
    expect(idsOf(result, "fail")).toEqual(["gpu.cert-chain"]);
    expect(finding(result, "gpu.cert-chain")?.reason).toContain("neither NVIDIA's Device Identity CA nor a root that you named");
    expect([result.simulated, result.claims]).toEqual([false, {}]);
  });
});

it("evidence beside a keys statement that says that there is none is not the enclave's", async () => {
  const result = await appraise(payloadOf(good), { namedSha256: null });
  expect(idsOf(result, "fail")).toEqual(["gpu.named-by-enclave"]);
  expect(result.claims).toEqual({});
  expect(idsOf(await appraise(undefined, { namedSha256: null }), "fail")).toEqual([]);
});

const DEVICE_FAULTS: readonly (readonly [title: string, changes: DeviceChanges, owner: CheckId, reason: string])[] = [
  ["another nonce is signed", { nonce: new Uint8Array(32) }, "gpu.nonce", "GPU 1: the report answers another nonce"],
  ["another key signs", { signer: key }, "gpu.report-signature", "GPU 1: the report's signature is not by the key"],
  ["another firmware reports", { opaque: withField(20, other) }, "gpu.fwid", "GPU 1: the report names another firmware"],
  ["the certificate names another firmware", { dice: compositeDeviceId(key.point, other) }, "gpu.fwid", "names another firmware"],
  ["the certificate names no firmware", { dice: null }, "gpu.fwid", "DICE extension: "],
  [
    "a certificate names its firmware twice",
    { leaf: { extensions: [compositeDeviceId(key.point), tcbInfo(0, FWID)] } },
    "gpu.fwid",
    "two forms",
  ],
  ["the firmware identity is short", { opaque: withField(20, other.subarray(1)) }, "gpu.present", "a firmware identity of 47 bytes"],
  ["an opaque field is there twice", { opaque: [...HOPPER_OPAQUE, [3, utf8("1")]] }, "gpu.present", "GPU 1: report: opaque field 3 twice"],
  ["a measurement is there twice", { blocks: [1, 1].map((index) => ({ index, value: other })) }, "gpu.present", "measurement 1 twice"],
  ["debugging is on", { chip: "GB100", dice: tcbInfo(0x10, FWID) }, "gpu.debug-off", "GPU 1: its certificate says that debugging is on"],
  ["it is mislabelled", { arch: "BLACKWELL" }, "gpu.cert-chain", "those of a HOPPER, and the evidence says BLACKWELL"],
  ["it is a switch labelled as a GPU", { chip: "LS_10", arch: "HOPPER" }, "gpu.cert-chain", "those of a LS10"],
  ["the report signer is a CA", { leaf: { ca: true, usage: 0x84 } }, "gpu.cert-chain", "is marked as a CA"],
  ["the report signer may not sign", { leaf: { usage: 0x40 } }, "gpu.cert-chain", "may not sign data"],
  ["the report signer has expired", { leaf: { until: "20260101000000Z" } }, "gpu.cert-chain", "was valid only until"],
  ["the report signer is of the future", { leaf: { from: "20270101000000Z" } }, "gpu.cert-chain", "is valid only from"],
  ["the report signer has a stranger's name", { leaf: { name: "GPU" } }, "gpu.cert-chain", "the first certificate is by its name"],
  ["somebody else signed the report signer", { leaf: { signer: key } }, "gpu.cert-chain", "is not by the key of"],
  ["the report signer names another issuer", { leaf: { issuerName: "NVIDIA" } }, "gpu.cert-chain", "names another issuer"],
  ["the boot ROM is no CA", { device: { ca: false, usage: 0x84 } }, "gpu.cert-chain", "is not a CA"],
  ["the boot ROM may not certify", { device: { usage: 0x80 } }, "gpu.cert-chain", "may not sign certificates"],
  [
    "the boot ROM is of another stepping",
    { device: { name: "GH100 A02 GSP BROM" } },
    "gpu.cert-chain",
    "the second certificate is by its name",
  ],
  ["somebody else signed the boot ROM", { device: { signer: key } }, "gpu.cert-chain", "is not by the key of"],
  ["the boot ROM has expired", { device: { until: "20260101000000Z" } }, "gpu.cert-chain", "was valid only until"],
  [
    "the provisioner is of another chip",
    { provisioner: { name: "NVIDIA GB100 Provisioner ICA 1" } },
    "gpu.cert-chain",
    "the third certificate is by its name",
  ],
  ["the provisioner allows no CA below it", { provisioner: { pathLength: 0 } }, "gpu.cert-chain", "allows too short a path"],
  ["the provisioner is no CA", { provisioner: { ca: false } }, "gpu.cert-chain", "is not a CA"],
  ["the family has a stranger's name", { family: { name: "NVIDIA" } }, "gpu.cert-chain", "the fourth certificate is by its name"],
  ["the family allows one CA below it", { family: { pathLength: 1 } }, "gpu.cert-chain", "allows too short a path"],
  ["somebody else signed the family", { family: { signer: key } }, "gpu.cert-chain", "is not by the key of"],
  ["the family has expired", { family: { until: "20260101000000Z" } }, "gpu.cert-chain", "was valid only until"],
  [
    "the root is another certificate with the same key",
    { root: { until: "20400101000000Z" } },
    "gpu.cert-chain",
    "nor a root that you named",
  ],
  ["the root is another key's", { root: { key } }, "gpu.cert-chain", "nor a root that you named"],
];

describe("a second GPU of which", () => {
  it.each(DEVICE_FAULTS)("%s", async (_, changes, owner, reason) => {
    const result = await appraise(payloadOf(good, await mint.device(nonce, changes)));
    expect(idsOf(result, "fail")).toEqual([owner]);
    expect(finding(result, owner)?.reason).toContain(reason);
    expect(finding(result, owner)?.reason).not.toContain("GPU 0");
    if (owner !== "gpu.fwid" && owner !== "gpu.debug-off") expect(result.claims).toEqual({});
  });

  it("the report names no firmware is not checked for it", async () => {
    const result = await appraise(payloadOf(good, await mint.device(nonce, { opaque: without(20) })));
    expect(idsOf(result, "fail")).toEqual([]);
    expect(finding(result, "gpu.fwid")).toMatchObject({
      status: "not-checked",
      detail: { "GPU 0": expect.stringContaining("pass: ") as string, "GPU 1": expect.stringContaining("not-checked: ") as string },
    });
  });

  it("nothing is proven says nothing of its firmware", async () => {
    const result = await appraise(payloadOf(await mint.device(nonce, { signer: key, opaque: withField(20, other) })));
    expect(idsOf(result, "fail")).toEqual(["gpu.report-signature"]);
    expect(idsOf(result, "pass")).toEqual(["gpu.present", "gpu.named-by-enclave", "gpu.cert-chain"]);
  });
});

describe("a machine of which", () => {
  const changeEntry = (changes: Record<string, string>) => JSON.stringify([{ ...good.entry, ...changes }]);
  const pem = (text: string) => changeEntry({ certificate: btoa(text) });
  const chain = atob(good.entry.certificate);

  it.each([
    ["one GPU is there twice", payloadOf(good, good), "gpu.present", "GPU 1 is GPU 0 again"],
    ["no GPU is there", payloadOf(), "gpu.present", "the evidence is of no GPU"],
    ["the payload cannot be read", "[", "gpu.present", "GPU evidence: not JSON"],
    ["nine GPUs are said to be", JSON.stringify(Array.from({ length: 9 }, () => good.entry)), "gpu.present", "9 GPUs, more than 8"],
    ["the chain is no PEM", pem("chain"), "gpu.cert-chain", "its chain cannot be read: not 1 to 8 PEM certificates"],
    [
      "the chain lacks its root",
      pem(
        chain
          .split(/(?=-----BEGIN)/)
          .slice(0, 4)
          .join(""),
      ),
      "gpu.cert-chain",
      "its chain has 4 certificates, not 5",
    ],
    ["a certificate cannot be read", pem(chain.replace(/MII..../, "MIIAAAA")), "gpu.cert-chain", "its chain cannot be read: certificate: "],
    ["the report ends early", changeEntry({ evidence: good.entry.evidence.slice(0, -4) }), "gpu.present", "GPU 0: report: "],
  ] as const)("%s", async (_, payload, owner, reason) => {
    const result = await appraise(payload);
    expect(idsOf(result, "fail")).toEqual([owner]);
    expect(finding(result, owner)?.reason).toContain(reason);
    expect(result.findings).toHaveLength(14);
    expect(result.claims).toEqual({});
  });

  it("the chain is out of order has no key that signed, either", async () => {
    const result = await appraise(
      pem(
        chain
          .split(/(?=-----BEGIN)/)
          .toReversed()
          .join(""),
      ),
    );
    expect(idsOf(result, "fail")).toEqual(["gpu.cert-chain", "gpu.report-signature"]);
  });

  it("one GPU answers under two firmwares counts it once", async () => {
    const device = { serial: Uint8Array.of(0x41, 1, 2, 3), key };
    const twins = [
      await mint.device(nonce, { device }),
      await mint.device(nonce, { device, opaque: withField(20, other), dice: compositeDeviceId(key.point, other) }),
    ];
    const result = await appraise(payloadOf(...twins));
    expect(idsOf(result, "fail")).toEqual(["gpu.present"]);
    expect(finding(result, "gpu.present")?.reason).toBe("GPU 1 is GPU 0 again");
  });

  it("two GPUs hold one report key counts them once", async () => {
    const result = await appraise(payloadOf(await mint.device(nonce, { leaf: { key } }), await mint.device(nonce, { leaf: { key } })));
    expect(idsOf(result, "fail")).toEqual(["gpu.present"]);
  });

  it("the enclave names other evidence", async () => {
    const result = await appraise(payloadOf(good), { namedSha256: "00".repeat(32) });
    expect(idsOf(result, "fail")).toEqual(["gpu.named-by-enclave"]);
    expect(result.claims).toEqual({});
    expect(idsOf(await appraise(`${payloadOf(good)} `, { namedSha256: toHex(await sha256(utf8(payloadOf(good)))) }), "fail")).toEqual([
      "gpu.named-by-enclave",
    ]);
  });

  it("the enclave names evidence, or the policy asks for GPUs, and none is served", async () => {
    expect(idsOf(await appraise(undefined), "not-checked")).toHaveLength(14);
    expect(idsOf(await appraise(undefined, { namedSha256: "00".repeat(32) }), "fail")).toEqual(["gpu.named-by-enclave"]);
    expect(idsOf(await appraise(undefined, { rules: { count: 1, allow_hold: false } }), "fail")).toEqual(["gpu.present"]);
  });

  it("the enclave names nothing is not checked for it", async () => {
    const result = await appraise(payloadOf(good), { namedSha256: undefined });
    expect(finding(result, "gpu.named-by-enclave")).toMatchObject({ status: "not-checked" });
  });

  it("one is missing, or of another kind than the policy accepts", async () => {
    const two = await appraise(payloadOf(good), { rules: { count: 2, allow_hold: false } });
    expect(finding(two, "gpu.present")).toMatchObject({ status: "fail", reason: "the evidence is of 1 GPUs, and the policy asks for 2" });
    const blackwell = await appraise(payloadOf(good), { rules: { archs: ["BLACKWELL"], allow_hold: false } });
    expect(finding(blackwell, "gpu.present")).toMatchObject({
      status: "fail",
      reason: "GPU 0 is a HOPPER, and the policy accepts BLACKWELL",
    });
  });

  it("nobody proves the attachment is never bound to the CPU", async () => {
    for (const payload of [undefined, "[", payloadOf(good)])
      expect(finding(await appraise(payload), "gpu.bound-to-cpu")).toMatchObject({ status: "not-checked" });
  });

  it("is judged for a nonce and a time", async () => {
    await expect(appraise(payloadOf(good), { nonce: new Uint8Array(31) })).rejects.toThrow(RangeError);
    await expect(appraise(payloadOf(good), { nowMs: Number.NaN })).rejects.toThrow(RangeError);
  });
});

describe("revocation", () => {
  const [leaf, device, provisioner, family, root] = good.chain;
  if (!leaf || !device || !provisioner || !family || !root) throw new Error("a chain has five certificates");
  const all = async () =>
    Promise.all([mintOcspAnswer(device, provisioner), mintOcspAnswer(provisioner, family), mintOcspAnswer(family, root)]);
  const judge = async (ocsp: readonly Uint8Array[], allow_hold = false) =>
    appraise(payloadOf(good), { endorsements: { rims: [], ocsp }, rules: { allow_hold } });

  it("passes when all above the report signer are good", async () => {
    expect(finding(await judge(await all()), "gpu.revocation")).toMatchObject({ status: "pass" });
  });

  it.each([
    ["revoked", { reason: 1 }, "NVIDIA has revoked"],
    ["on hold", { reason: 6 }, "on hold"],
    ["answered for with an old answer", { until: "20260201000000Z" }, "was valid only until"],
  ])("fails when the device is %s", async (_, status, reason) => {
    const result = await judge([await mintOcspAnswer(device, provisioner, status), ...(await all()).slice(1)]);
    expect(idsOf(result, "fail")).toEqual(["gpu.revocation"]);
    expect(finding(result, "gpu.revocation")?.reason).toContain(reason);
  });

  it("passes one on hold if the policy allows it, and says so", async () => {
    const result = await judge([await mintOcspAnswer(device, provisioner, { reason: 6 }), ...(await all()).slice(1)], true);
    expect(finding(result, "gpu.revocation")).toMatchObject({
      status: "pass",
      reason: expect.stringContaining("which the policy allows") as string,
    });
  });

  it("is not checked without an answer about each, or for a chain that does not hold", async () => {
    expect(finding(await judge([]), "gpu.revocation")).toMatchObject({ status: "not-checked" });
    expect(finding(await judge((await all()).slice(1)), "gpu.revocation")).toMatchObject({ status: "not-checked" });
    const unknown = await appraise(payloadOf(good), { roots: parseGpuTrustRoots(), endorsements: { rims: [], ocsp: await all() } });
    expect(finding(unknown, "gpu.revocation")).toMatchObject({ status: "not-checked" });
  });

  it("is not taken in by somebody else's answer", async () => {
    const impostor = await mintCertificate({ name: provisioner.name });
    const forged = await mintOcspAnswer(device, { ...impostor, der: provisioner.der });
    expect(finding(await judge([forged, ...(await all()).slice(1)]), "gpu.revocation")).toMatchObject({ status: "fail" });
  });
});

describe("switches", () => {
  const pdi = (byte: number) => new Uint8Array(8).fill(byte);
  const serial = (kind: number, byte: number) => Uint8Array.of(kind, ...pdi(byte));
  const gpu = (byte: number, ...switches: readonly number[]) =>
    mint.device(nonce, {
      device: { serial: serial(0x41, byte) },
      opaque: [...withField(36, Uint8Array.of(2, 0)), [22, Uint8Array.from(switches.flatMap((each) => [...pdi(each)]))]],
    });
  const nvswitch = (byte: number, gpus: readonly number[], changes: DeviceChanges = {}) =>
    mint.device(nonce, {
      chip: "LS_10",
      device: { serial: serial(0x50, byte) },
      opaque: [
        [22, pdi(byte)],
        [26, Uint8Array.from([...gpus, ...Array.from({ length: 8 - gpus.length }, () => 0xff)].flatMap((each) => [...pdi(each)]))],
      ],
      ...changes,
    });
  const judge = async (...devices: readonly MintedDevice[]) => appraise(payloadOf(...devices));

  it("pass when they join these GPUs and no others", async () => {
    const result = await judge(await gpu(1, 8, 9), await gpu(2, 8, 9), await nvswitch(8, [1, 2]), await nvswitch(9, [1, 2]));
    expect(idsOf(result, "fail")).toEqual([]);
    expect(finding(result, "gpu.switches")).toMatchObject({ status: "pass" });
  });

  it("are not checked where none is served, and the reason depends on the mode", async () => {
    expect(finding(await judge(await gpu(1, 8)), "gpu.switches")?.reason).toContain("in PPCIE mode");
    expect(finding(await judge(good), "gpu.switches")).toMatchObject({ status: "not-checked" });
    expect(finding(await judge(await mint.device(nonce, { opaque: without(36) })), "gpu.switches")?.reason).toContain("nothing shows");
  });

  it.each([
    ["one is missing", async () => [await gpu(1, 8, 9), await nvswitch(8, [1])], "GPU 0 is joined to other switches"],
    ["a GPU is missing", async () => [await gpu(1, 8), await nvswitch(8, [1, 2])], "switch 0 joins other GPUs"],
    ["one joins none of the GPUs", async () => [await gpu(1, 8), await nvswitch(8, [])], "switch 0 joins other GPUs"],
    ["one is there twice", async () => [await gpu(1, 8), ...(await twice(nvswitch(8, [1])))], "switch 1 is switch 0 again"],
    [
      "one answers another nonce",
      async () => [await gpu(1, 8), await nvswitch(8, [1], { nonce: other.subarray(16) })],
      "answers another nonce",
    ],
    ["another key signs", async () => [await gpu(1, 8), await nvswitch(8, [1], { signer: key })], "signature is not by the key"],
    [
      "one gives another's name",
      async () => [await gpu(1, 8), await nvswitch(8, [1], { device: { serial: serial(0x50, 7) } })],
      "names itself otherwise",
    ],
    ["one is nobody's", async () => [await gpu(1, 8), await nvswitch(8, [1], { family: { signer: key } })], "is not by the key of"],
    ["a GPU poses as one", async () => [await gpu(1, 8), await mint.device(nonce, { arch: "LS10" })], "those of a HOPPER"],
  ])("fail when %s", async (_, devices, reason) => {
    const result = await judge(...(await devices()));
    expect(idsOf(result, "fail")).toEqual(["gpu.switches"]);
    expect(finding(result, "gpu.switches")?.reason).toContain(reason);
  });

  it("are not enough by themselves", async () => {
    const result = await judge(await nvswitch(8, [1]));
    expect(idsOf(result, "fail")).toEqual(["gpu.present"]);
    expect(finding(result, "gpu.switches")).toMatchObject({ status: "not-checked" });
  });

  async function twice(minted: Promise<MintedDevice>): Promise<MintedDevice[]> {
    const device = await minted;
    return [device, device];
  }
});

describe("a bomb", () => {
  it.each([
    [
      "of certificates",
      JSON.stringify(Array.from({ length: 8 }, () => ({ ...good.entry, certificate: btoa("-----BEGIN CERTIFICATE-----M".repeat(560)) }))),
    ],
    [
      "of white space",
      JSON.stringify(
        Array.from({ length: 8 }, () => ({ ...good.entry, certificate: btoa(`-----BEGIN CERTIFICATE-----${" ".repeat(16_000)}`) })),
      ),
    ],
    [
      "of DER",
      JSON.stringify(
        Array.from({ length: 8 }, () => ({
          ...good.entry,
          certificate: btoa(`-----BEGIN CERTIFICATE-----MIAA${"MIAA".repeat(2000)}-----END CERTIFICATE-----`),
        })),
      ),
    ],
    ["of reports", JSON.stringify(Array.from({ length: 8 }, () => ({ ...good.entry, evidence: btoa("\x11".repeat(16_000)) })))],
  ])("%s is refused in no time", async (_, payload) => {
    const result = await bounded(() => appraise(payload));
    expect(idsOf(result, "fail").length).toBeGreaterThan(0);
  });
});

it("pins NVIDIA's roots", async () => {
  const { device, rim, named } = parseGpuTrustRoots([]);
  expect([toHex(await sha256(device.der)), toHex(await sha256(rim.der)), named]).toEqual([
    "102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48",
    "12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1",
    [],
  ]);
  expect(parseGpuTrustRoots([device.der, rim.der]).named).toEqual([]);
  expect(() => parseGpuTrustRoots([parseHex("3000", 2) ?? key.point])).toThrow("GPU trust root 0");
  expect(() => parseGpuTrustRoots(Array.from({ length: 17 }, () => device.der))).toThrow("17 are more than 16");
});
