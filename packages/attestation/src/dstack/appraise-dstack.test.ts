import { describe, expect, it } from "vitest";
import { noVectors } from "../../../../tests/support/vectors.ts";
import type { Build } from "../policy/policy.ts";
import { type CheckId, failed, notChecked } from "../result.ts";
import { mintBoot, mintReport, mrConfigId } from "../testing/minted-boot.ts";
import { readVeniceAnswer, readVeniceDstack } from "../testing/venice.ts";
import { appraiseDstack, type DstackInput, type DstackResult, readDstack } from "./appraise-dstack.ts";
import { createHash } from "node:crypto";

const COMPOSE_HASH = "242a62724303cc32f364da0fc92738706b0078e7587821b7ba3e75488223797b";
const IMAGES = [
  "5556fb80b952832719a76b016f905616c76ee0989a239c4680c6220148e865d6",
  "742dbd2e61c8709b930712c38958386c3cb3928e09eeb1f1e490600c127e2edb",
  "a3c6e223ae5643689e6f0ae78461c2cb2d1b52d5b4ea306dc354b9ac7096d6e2",
];
const KMS_ID =
  "3059301306072a8648ce3d020106082a8648ce3d03010703420004228f800590a10442cba9d0e6adb2fa9f195eea9e75e23dd35990d52b59dda2415a63674c38adebde4ffd4d4b265bf818985933820c8053cee3ce29b5fb0fbcbc";
const OS_IMAGE = "9b69bb1698bacbb6985409a2c272bcb892e09cdcea63d5399c6768b67d3ff677";

const build = (members: Partial<Build> = {}): Build => ({
  name: "recorded",
  source: "capture",
  date: "2026-04-24",
  mrtd: "",
  rtmr0: "",
  rtmr1: "",
  rtmr2: "",
  compose_hash: COMPOSE_HASH,
  os_image_hash: OS_IMAGE,
  key_provider: `kms:${KMS_ID}`,
  ...members,
});

const status = ({ findings }: DstackResult, id: CheckId) => findings.find((finding) => finding.id === id)?.status;
const reason = ({ findings }: DstackResult, id: CheckId) => findings.find((finding) => finding.id === id)?.reason;
const failing = ({ findings }: DstackResult) => findings.filter((finding) => finding.status === "fail").map(({ id }) => id);

type Answer = ReturnType<typeof readVeniceAnswer>;
type Json = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any

async function appraiseCapture(edit: (answer: Json) => void = () => {}, changes: Partial<DstackInput> = {}) {
  const answer: Answer = readVeniceAnswer();
  edit(answer);
  const { evidence, report, second, nonce } = readVeniceDstack(answer);
  return await appraiseDstack({ evidence, report, nonce, build: build(), manager: { report: second }, ...changes });
}

const event = (log: Json[], name: string): Json => log.find((entry) => entry["event"] === name) as Json;
/** Both logs of the answer, so that they do not contradict each other. */
const bothLogs = (edit: (log: Json[]) => void) => (answer: Json) => {
  for (const log of [answer["event_log"], answer["info"].tcb_info.event_log]) edit(log as Json[]);
};

describe.skipIf(noVectors)("what dstack measured in the recorded answer", () => {
  it("passes whole, from the recorded bytes alone", async () => {
    const result = await appraiseCapture();
    expect(result.findings.map(({ id, status }) => [id, status])).toEqual([
      ["eventlog.replay", "pass"],
      ["dstack.compose-hash", "pass"],
      ["dstack.runtime-compose", "pass"],
      ["dstack.os-image", "pass"],
      ["dstack.key-provider", "pass"],
      ["image.digests-pinned", "pass"],
    ]);
    expect(result.claims).toEqual({
      compose_hash: COMPOSE_HASH,
      images: [
        `datadog/agent@sha256:${IMAGES[0]}`,
        `certbot/dns-cloudflare@sha256:${IMAGES[1]}`,
        `nearaidev/compose-manager@sha256:${IMAGES[2]}`,
      ],
      app_id: "2c0a0c96cb6dbd659bf1446e2f3fce58172ff91b",
      os_image_hash: OS_IMAGE,
      key_provider: `kms:${KMS_ID}`,
    });
    expect(result.boot?.instanceId).toBe("ff247496994554dc2e5984ed5c32f2da5082e8f3");
    expect(reason(result, "dstack.runtime-compose")).toContain("engine and weights are not proven");
    expect(result.runtime).toMatchObject({
      actions: 26,
      latest: [expect.stringContaining("Qwen3.5-122B.yaml compose_up v0.0.118 c6d19d36d7db41e87447058d665c7fd00fe50455 ae5fa3a8")],
    });
  });

  it("reads the measured compose document", async () => {
    const { compose } = await appraiseCapture();
    expect(compose).toMatchObject({
      hash: COMPOSE_HASH,
      kms: true,
      gateway: true,
      publicLogs: false,
      publicSysinfo: true,
      scripts: ["pre_launch_script"],
    });
    expect(compose?.services.map(({ name, reach }) => [name, reach])).toEqual([
      ["datadog-agent", ["docker-socket", "guest-files"]],
      ["certbot", []],
      ["certbot-init", []],
      ["compose-manager", ["docker-socket", "dstack-socket", "app-keys"]],
    ]);
    expect(compose?.allowedEnvs).toHaveLength(14);
    expect(compose?.services[2]?.variablesInCode).toEqual(["CERTBOT_EMAIL", "HOSTNAME", "CLOUDFLARE_API_TOKEN"]);
    expect(compose?.services[3]?.variables).toEqual(["BEARER_TOKEN"]);
  });

  it("compares nothing that a build does not name", async () => {
    const bare = build();
    delete (bare as Json)["os_image_hash"];
    delete (bare as Json)["key_provider"];
    const result = await appraiseCapture(() => {}, { build: bare });
    expect(failing(result)).toEqual([]);
    expect(status(result, "dstack.os-image")).toBe("not-checked");
    expect(reason(result, "dstack.os-image")).toContain("key provider's word");
    expect(status(result, "dstack.key-provider")).toBe("not-checked");
    expect(reason(result, "dstack.key-provider")).toContain("key management service");
    const unpinned = await appraiseCapture(() => {}, { build: undefined });
    expect(failing(unpinned)).toEqual([]);
    expect(status(unpinned, "dstack.compose-hash")).toBe("pass");
  });

  it("takes a build that names images in place of the compose hash, but not with a script in the guest", async () => {
    const images = (list: readonly string[], base = build()) => {
      delete (base as Json)["compose_hash"];
      return { build: { ...base, images: list } };
    };
    expect(reason(await appraiseCapture(() => {}, images(IMAGES)), "dstack.compose-hash")).toContain(
      "pre_launch_script in the guest itself",
    );
    expect(status(await appraiseCapture(() => {}, { build: build({ images: IMAGES }) }), "dstack.compose-hash")).toBe("fail");
    const some = await appraiseCapture(() => {}, images(IMAGES.slice(1)));
    expect(failing(some)).toEqual(["dstack.compose-hash"]);
  });

  const ready = "system-ready";
  const mutations: readonly (readonly [string, (answer: Json) => void, readonly CheckId[]])[] = [
    ["an event relabelled", bothLogs((log) => void (event(log, "mr-kms")["event"] = "mr-other")), ["eventlog.replay"]],
    ["an event relabelled as another", bothLogs((log) => void (event(log, "mr-kms")["event"] = "os-image-hash")), ["eventlog.replay"]],
    ["an event twice", bothLogs((log) => void log.splice(22, 0, log[22] as Json)), ["eventlog.replay"]],
    ["two events swapped", bothLogs((log) => void log.splice(21, 2, log[22] as Json, log[21] as Json)), ["eventlog.replay"]],
    ["an event dropped", bothLogs((log) => void log.splice(24, 1)), ["eventlog.replay"]],
    ["the last event dropped", bothLogs((log) => void log.pop()), ["eventlog.replay"]],
    ["a firmware event dropped", bothLogs((log) => void log.shift()), ["eventlog.replay"]],
    ["a payload edited", bothLogs((log) => void (event(log, "app-id")["event_payload"] = "00".repeat(20))), ["eventlog.replay"]],
    [
      "the OS image's payload edited",
      bothLogs((log) => void (event(log, "os-image-hash")["event_payload"] = "00".repeat(32))),
      ["eventlog.replay"],
    ],
    ["a digest edited", bothLogs((log) => void (event(log, "key-provider")["digest"] = "ab".repeat(48))), ["eventlog.replay"]],
    ["a firmware digest edited", bothLogs((log) => void ((log[3] as Json)["digest"] = "ab".repeat(48))), ["eventlog.replay"]],
    ["an event's type changed", bothLogs((log) => void (event(log, ready)["event_type"] = 1)), ["eventlog.replay"]],
    ["an event moved to another register", bothLogs((log) => void (event(log, ready)["imr"] = 2)), ["eventlog.replay"]],
    ["system-ready moved to the front", bothLogs((log) => void log.splice(20, 0, log.pop() as Json)), ["eventlog.replay"]],
    ["an event added after system-ready", bothLogs((log) => void log.push({ ...event(log, "storage-fs") })), ["eventlog.replay"]],
    ["two logs that differ", (answer) => void (answer["event_log"] as Json[]).pop(), ["eventlog.replay"]],
    ["another app_id in info", (answer) => void (answer["info"].app_id = "00".repeat(20)), ["eventlog.replay"]],
    ["another instance_id in info", (answer) => void (answer["info"].instance_id = "00".repeat(20)), ["eventlog.replay"]],
    ["the compose document edited by one byte", (answer) => void (answer["info"].tcb_info.app_compose += " "), ["dstack.compose-hash"]],
    [
      "an image's digest in the compose document edited",
      (answer) => void (answer["info"].tcb_info.app_compose = String(answer["info"].tcb_info.app_compose).replace("5556fb80", "5556fb81")),
      ["dstack.compose-hash"],
    ],
    ["another compose_hash in info", (answer) => void (answer["info"].compose_hash = "00".repeat(32)), ["dstack.compose-hash"]],
    [
      "another compose_hash in tcb_info",
      (answer) => void (answer["info"].tcb_info.compose_hash = "00".repeat(32)),
      ["dstack.compose-hash"],
    ],
    ["another os_image_hash in info", (answer) => void (answer["info"].os_image_hash = "00".repeat(32)), ["dstack.os-image"]],
    [
      "another os_image_hash everywhere",
      (answer) => void (answer["info"].os_image_hash = answer["info"].tcb_info.os_image_hash = "00".repeat(32)),
      ["dstack.os-image"],
    ],
    [
      "another key provider in info",
      (answer) => void (answer["info"].key_provider_info = '{"name":"kms","id":"00"}'),
      ["dstack.key-provider"],
    ],
    ["an action edited", (answer) => void (answer["compose_manager_attestation"].actions[3].tag = "v0.0.59"), ["dstack.runtime-compose"]],
    [
      "an action's file edited",
      (answer) => void (answer["compose_manager_attestation"].actions[25].file_sha256 = "0"),
      ["dstack.runtime-compose"],
    ],
    ["an action dropped", (answer) => void answer["compose_manager_attestation"].actions.pop(), ["dstack.runtime-compose"]],
    ["no actions", (answer) => void (answer["compose_manager_attestation"].actions = []), ["dstack.runtime-compose"]],
    [
      "an action with a new member",
      (answer) => void (answer["compose_manager_attestation"].actions[0].note = "x"),
      ["dstack.runtime-compose"],
    ],
    [
      "another actions_hash",
      (answer) => void (answer["compose_manager_attestation"].actions_hash = "00".repeat(32)),
      ["dstack.runtime-compose"],
    ],
    [
      "another report_data",
      (answer) => void (answer["compose_manager_attestation"].report_data = "00".repeat(64)),
      ["dstack.runtime-compose"],
    ],
    ["another nonce", (answer) => void (answer["compose_manager_attestation"].nonce = "00".repeat(32)), ["dstack.runtime-compose"]],
    ["another log of the manager", (answer) => void (answer["compose_manager_attestation"].event_log = []), ["dstack.runtime-compose"]],
  ];
  for (const [what, edit, expected] of mutations) {
    it(`fails ${expected.join(" and ")}, and nothing else, for ${what}`, async () => {
      const result = await appraiseCapture(edit);
      expect(failing(result)).toEqual(expected);
      if (expected.includes("eventlog.replay")) expect(result.claims).not.toHaveProperty("app_id");
      if (expected.includes("dstack.compose-hash")) expect(result.claims).not.toHaveProperty("images");
      expect(result.claims.compose_hash).toBe(expected.includes("eventlog.replay") ? undefined : COMPOSE_HASH);
    });
  }

  const builds: readonly (readonly [string, Partial<Build>, CheckId])[] = [
    ["compose document", { compose_hash: "00".repeat(32) }, "dstack.compose-hash"],
    ["OS image", { os_image_hash: "00".repeat(32) }, "dstack.os-image"],
    ["key provider", { key_provider: "local-sgx" }, "dstack.key-provider"],
    ["KMS", { key_provider: "kms:00" }, "dstack.key-provider"],
  ];
  for (const [what, members, id] of builds) {
    it(`fails ${id}, and nothing else, against a build with another ${what}`, async () => {
      expect(failing(await appraiseCapture(() => {}, { build: build(members) }))).toEqual([id]);
    });
  }

  it("takes any KMS where the build names just its kind", async () => {
    expect(status(await appraiseCapture(() => {}, { build: build({ key_provider: "kms" }) }), "dstack.key-provider")).toBe("pass");
  });

  it("proves less without a log, and fails nothing", async () => {
    const result = await appraiseCapture((answer) => {
      delete answer["event_log"];
      delete answer["info"].tcb_info.event_log;
    });
    expect(failing(result)).toEqual([]);
    // MRCONFIGID is set by the host; that the guest booted this document, only its own event shows.
    expect(reason(result, "dstack.compose-hash")).toContain("no replayed event shows that the guest booted that document");
    for (const id of ["eventlog.replay", "dstack.compose-hash", "dstack.os-image", "dstack.key-provider"] as const)
      expect(status(result, id)).toBe("not-checked");
    expect(result.claims).toEqual({});
  });

  it("finds the log in tcb_info alone", async () => {
    const result = await appraiseCapture((answer) => void delete answer["event_log"]);
    expect(status(result, "eventlog.replay")).toBe("pass");
  });

  describe("the compose manager's second quote", () => {
    const appraiseSecond = async (change: (capture: ReturnType<typeof readVeniceDstack>) => Partial<DstackInput>) => {
      const capture = readVeniceDstack();
      const { evidence, report, nonce } = capture;
      return await appraiseDstack({ evidence, report, nonce, build: build(), ...change(capture) });
    };
    const flipped = (bytes: Uint8Array<ArrayBuffer>, at = 0) => Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 1 : byte));

    it("counts only if its own platform was appraised and not doubted", async () => {
      const ids = [
        [undefined, "not-checked"],
        [{ doubt: notChecked("tdx.pck-crl", "no collateral") }, "not-checked"],
        [{ doubt: failed("tdx.quote-signature", "does not verify") }, "fail"],
      ] as const;
      for (const [manager, expected] of ids) {
        const result = await appraiseSecond(() => ({ manager }));
        expect(status(result, "dstack.runtime-compose")).toBe(expected);
        expect(result.runtime).toBeUndefined();
      }
    });

    it("is not judged under a nonce that the first one does not hold either", async () => {
      const result = await appraiseSecond(({ second }) => ({
        manager: { report: second },
        nonce: { query: "11".repeat(32), sealed: true },
      }));
      expect(failing(result)).toEqual([]);
      expect(reason(result, "dstack.runtime-compose")).toContain("nonce.bound");
    });

    for (const [what, change] of [
      ["of another MRTD", ({ second }) => ({ manager: { report: { ...second, mrTd: flipped(second.mrTd) } } })],
      [
        "of another RTMR3",
        ({ second }) => ({
          manager: { report: { ...second, rtmr: [second.rtmr[0], second.rtmr[1], second.rtmr[2], flipped(second.rtmr[3])] } },
        }),
      ],
      ["of another MRCONFIGID", ({ second }) => ({ manager: { report: { ...second, mrConfigId: flipped(second.mrConfigId) } } })],
      ["over another actions hash", ({ second }) => ({ manager: { report: { ...second, reportData: flipped(second.reportData) } } })],
      ["over another nonce", ({ second }) => ({ manager: { report: { ...second, reportData: flipped(second.reportData, 63) } } })],
      ["that is the first one", ({ report }) => ({ manager: { report } })],
    ] as const satisfies readonly (readonly [string, (capture: ReturnType<typeof readVeniceDstack>) => Partial<DstackInput>])[]) {
      it(`fails dstack.runtime-compose when it is one ${what}`, async () => {
        const result = await appraiseSecond((capture) => change(capture));
        expect(failing(result)).toEqual(["dstack.runtime-compose"]);
        expect(result.runtime).toBeUndefined();
      });
    }
  });
});

describe("what dstack measured in a minted boot", () => {
  const document = JSON.stringify({ runner: "docker-compose", docker_compose_file: `services: {s: {image: 'app@sha256:${IMAGES[0]}'}}` });
  const composeHash = createHash("sha256").update(document).digest();
  const log = mintBoot({ composeHash });
  const evidence = { quote: new Uint8Array(), signingKey: "", eventLog: log, info: { app_compose: document } };
  const nonce = { query: "00".repeat(32), sealed: true };
  const images = { ...build(), images: IMAGES };
  delete (images as Json)["compose_hash"];

  it("passes with a build that names images alone, and says what that leaves open", async () => {
    const report = mintReport(log, { mrConfigId: mrConfigId(1, composeHash) });
    const result = await appraiseDstack({ report, evidence, nonce, build: images });
    expect(status(result, "dstack.compose-hash")).toBe("pass");
    expect(reason(result, "dstack.compose-hash")).toContain("commands, mounts and environment are not compared");
  });

  it("reads a document that only the replayed event proves, and still says that MRCONFIGID is zero", async () => {
    const report = mintReport(log);
    const result = await appraiseDstack({ report, evidence, nonce, reading: await readDstack(report, evidence) });
    expect(status(result, "dstack.compose-hash")).toBe("not-checked");
    expect(status(result, "image.digests-pinned")).toBe("pass");
    expect(result.claims).toMatchObject({ images: [`app@sha256:${IMAGES[0]}`] });
    expect(result.claims).not.toHaveProperty("compose_hash");
  });

  it("says what it could not read", async () => {
    const text = '{"docker_compose_file":"a: !x b"}';
    const hash = createHash("sha256").update(text).digest();
    const eventLog = mintBoot({ composeHash: hash });
    const report = mintReport(eventLog, { mrConfigId: mrConfigId(1, hash) });
    const result = await appraiseDstack({
      report,
      evidence: { quote: new Uint8Array(), signingKey: "", eventLog, info: { app_compose: text } },
      nonce,
    });
    expect(failing(result)).toEqual([]);
    expect(reason(result, "image.digests-pinned")).toBe(
      "not checked: the measured compose document cannot be read: compose document: the YAML text uses a tag, on which readers differ",
    );
    expect(result.compose).toBeUndefined();
  });

  it("has nothing to say of an enclave without dstack", async () => {
    const result = await appraiseDstack({ report: mintReport([]), evidence: { quote: new Uint8Array(), signingKey: "" }, nonce });
    expect(result.findings.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => "not-checked"));
    expect(result.claims).toEqual({});
  });
});
