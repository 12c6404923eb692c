import { createHash } from "node:crypto";
import { runtimeEvent, type SimulatorFaults } from "../../../packages/simulator/src/index.ts";
import type { AnswerCase, AnswerFamily } from "../answer-case.ts";
import { omit } from "../omit.ts";
import { build, hexBytes, info, measured, OTHER_DIGEST, replaced, tcbInfo } from "./boot-faults.ts";

const COMPOSE = "dstack.compose-hash";
const KMS = { name: "kms", id: "3059301306072a8648ce3d020106082a8648ce3d030107034200" };

const composeEvent = (hash: string) => measured(replaced("compose-hash", runtimeEvent("compose-hash", hexBytes(hash))));
const kind = (mrConfigKind: 0 | 1 | 2 | 3, keyProvider = KMS): Pick<AnswerCase, "simulator"> => ({
  simulator: { mrConfigKind, keyProvider },
});
const document = (rewrite: (document: string) => string | undefined): SimulatorFaults => ({
  servedInfo: (all) => {
    const vmConfig = JSON.parse(String(all["vm_config"])) as Record<string, unknown>;
    return { ...all, vm_config: JSON.stringify({ ...vmConfig, mr_config: rewrite(String(vmConfig["mr_config"])) }) };
  },
});
const compose: readonly AnswerCase[] = [
  { name: "a compose document edited by the server", fails: COMPOSE, faults: tcbInfo({ app_compose: '{"name":"logger"}' }) },
  {
    name: "a compose document with a space behind it",
    fails: COMPOSE,
    faults: {
      servedInfo: (all) => ({
        ...all,
        tcb_info: { ...(all["tcb_info"] as object), app_compose: `${(all["tcb_info"] as Record<string, string>)["app_compose"]} ` },
      }),
    },
  },
  {
    name: "a compose document edited along with its stated hash",
    fails: COMPOSE,
    faults: info({ app_compose: "{}", compose_hash: createHash("sha256").update("{}").digest("hex") }),
  },
  { name: "a stated compose hash that is another's", fails: COMPOSE, faults: info({ compose_hash: "ab".repeat(32) }) },
  { name: "two stated compose hashes", fails: COMPOSE, faults: tcbInfo({ compose_hash: "ab".repeat(32) }) },
  {
    name: "another compose document, measured as it should be",
    fails: COMPOSE,
    policy: (policy) => ({ ...policy, builds: policy.builds.map((pinned) => ({ ...pinned, compose_hash: "ab".repeat(32) })) }),
  },
  { name: "MRCONFIGID of another compose hash", fails: COMPOSE, faults: { mrConfigId: `01${"cd".repeat(32)}${"00".repeat(15)}` } },
  { name: "MRCONFIGID of an unknown kind", fails: COMPOSE, faults: { mrConfigId: `04${"cd".repeat(32)}${"00".repeat(15)}` } },
  { name: "MRCONFIGID that does not end in zeros", fails: COMPOSE, faults: { mrConfigId: `01${"cd".repeat(47)}` } },
  { name: "MRCONFIGID of zero kind with contents", fails: COMPOSE, faults: { mrConfigId: `00${"cd".repeat(32)}${"00".repeat(15)}` } },
  { name: "a measured event of another compose hash", fails: COMPOSE, faults: composeEvent("ab".repeat(32)) },
  {
    name: "no event log: MRCONFIGID is the host's word alone",
    unmet: COMPOSE,
    answer: (answer) => omit(answer, "event_log"),
  },
  {
    name: "a measured event of another compose hash, with the log that shows it left out",
    unmet: COMPOSE,
    faults: composeEvent("ab".repeat(32)),
    answer: (answer) => omit(answer, "event_log"),
  },
  { name: "MRCONFIGID of zero, where the build names a compose hash", unmet: COMPOSE, ...kind(0) },
  {
    name: "MRCONFIGID of zero, and a measured event of another compose hash",
    fails: COMPOSE,
    ...kind(0),
    faults: composeEvent("ab".repeat(32)),
  },
  { name: "MRCONFIGID of kind 2", ...kind(2) },
  { name: "MRCONFIGID of kind 2 without a key provider's id", ...kind(2, { name: "none", id: "" }) },
  {
    name: "MRCONFIGID of kind 2 over something else",
    fails: COMPOSE,
    ...kind(2),
    faults: { mrConfigId: `02${"cd".repeat(32)}${"00".repeat(15)}` },
  },
  {
    name: "MRCONFIGID of kind 2, and a measured event of another compose hash",
    fails: COMPOSE,
    ...kind(2),
    faults: composeEvent("ab".repeat(32)),
  },
  {
    name: "MRCONFIGID of kind 2, and another key provider measured",
    fails: COMPOSE,
    ...kind(2),
    faults: {
      ...measured(replaced("key-provider", runtimeEvent("key-provider", Buffer.from('{"name":"none","id":""}')))),
      ...info({ key_provider_info: '{"name":"none","id":""}' }),
    },
  },
  { name: "MRCONFIGID of kind 2 that does not end in zeros", fails: COMPOSE, ...kind(2), faults: { mrConfigId: `02${"cd".repeat(47)}` } },
  { name: "MRCONFIGID of kind 3", ...kind(3) },
  { name: "MRCONFIGID of kind 3 with a local key provider", ...kind(3, { name: "local-sgx", id: "ab".repeat(32) }) },
  { name: "MRCONFIGID of kind 3 without its document", unmet: COMPOSE, ...kind(3), faults: document(() => undefined) },
  {
    name: "MRCONFIGID of kind 3 whose document was edited",
    fails: COMPOSE,
    ...kind(3),
    faults: document((text) => text.replace("kms", "tpm")),
  },
  {
    name: "MRCONFIGID of kind 3 whose document was written with white space",
    fails: COMPOSE,
    ...kind(3),
    faults: document((text) => JSON.stringify(JSON.parse(text), null, 1)),
  },
  {
    name: "MRCONFIGID of kind 3, and a measured event of another compose hash",
    fails: COMPOSE,
    ...kind(3),
    faults: composeEvent("ab".repeat(32)),
  },
];

const images: readonly AnswerCase[] = [
  {
    name: "a build by its images",
    policy: (policy) => ({
      ...policy,
      builds: policy.builds.map((pinned) => ({ ...omit(pinned, "compose_hash"), images: [simulatedImage()] })),
    }),
  },
  {
    name: "a build of another image",
    fails: COMPOSE,
    policy: (policy) => ({
      ...policy,
      builds: policy.builds.map((pinned) => ({ ...omit(pinned, "compose_hash"), images: ["ab".repeat(32)] })),
    }),
  },
  {
    name: "a compose document that names an image by its tag",
    fails: "image.digests-pinned",
    simulator: { composeFile: composeOf("simulator.invalid/bauta/enclave:latest") },
  },
  {
    name: "a compose document that names an image by its tag, which the policy allows",
    fails: "image.digests-pinned",
    allowed: true,
    simulator: { composeFile: composeOf("simulator.invalid/bauta/enclave:latest") },
    policy: (policy) => ({ ...policy, allow: { unpinned_images: true } }),
  },
];

function simulatedImage(): string {
  return createHash("sha256").update("bauta simulator (SIMULATED): bauta-simulated-1: image").digest("hex");
}

function composeOf(image: string): string {
  return JSON.stringify({
    manifest_version: 2,
    name: "tagged",
    runner: "docker-compose",
    docker_compose_file: `services:\n  enclave:\n    image: ${image}\n`,
  });
}

const OS_IMAGE = createHash("sha256").update("bauta simulator (SIMULATED): bauta-simulated-1: OS image").digest("hex");

const osImage: readonly AnswerCase[] = [
  { name: "the OS image that the build names", ...build({ os_image_hash: OS_IMAGE }) },
  { name: "another OS image than the build's", fails: "dstack.os-image", ...build({ os_image_hash: "ab".repeat(32) }) },
  {
    name: "a boot that measured no OS image, where the build names one",
    fails: "dstack.os-image",
    ...build({ os_image_hash: OS_IMAGE }),
    faults: measured(replaced("os-image-hash")),
  },
  {
    name: "a boot that measured another OS image",
    fails: "dstack.os-image",
    ...build({ os_image_hash: OS_IMAGE }),
    faults: {
      ...measured(replaced("os-image-hash", runtimeEvent("os-image-hash", hexBytes("ab".repeat(32))))),
      ...info({ os_image_hash: "ab".repeat(32) }),
    },
  },
  { name: "a stated OS image that is not the measured one", fails: "dstack.os-image", faults: info({ os_image_hash: "ab".repeat(32) }) },
  { name: "two stated OS images", fails: "dstack.os-image", faults: tcbInfo({ os_image_hash: "ab".repeat(32) }) },
  {
    name: "no event log, where the build names an OS image",
    unmet: COMPOSE,
    alsoUnmet: ["dstack.os-image"],
    ...build({ os_image_hash: OS_IMAGE }),
    answer: (answer) => omit(answer, "event_log"),
  },
];

const provider: readonly AnswerCase[] = [
  { name: "the key provider that the build names", simulator: { keyProvider: KMS }, ...build({ key_provider: `kms:${KMS.id}` }) },
  { name: "a key provider that the build names without its id", simulator: { keyProvider: KMS }, ...build({ key_provider: "kms" }) },
  {
    name: "a key provider of another kind",
    fails: "dstack.key-provider",
    simulator: { keyProvider: { name: "none", id: "" } },
    ...build({ key_provider: "kms" }),
  },
  {
    name: "a key provider of another id",
    fails: "dstack.key-provider",
    simulator: { keyProvider: { name: "kms", id: "ab" } },
    ...build({ key_provider: `kms:${KMS.id}` }),
  },
  {
    name: "a key provider whose name begins like the build's",
    fails: "dstack.key-provider",
    simulator: { keyProvider: { name: "kms2", id: "" } },
    ...build({ key_provider: "kms" }),
  },
  {
    name: "a boot that measured no key provider, where the build names one",
    fails: "dstack.key-provider",
    simulator: { keyProvider: KMS },
    ...build({ key_provider: "kms" }),
    faults: measured(replaced("key-provider")),
  },
  {
    name: "a measured key provider that is no JSON",
    fails: "dstack.key-provider",
    faults: measured(replaced("key-provider", runtimeEvent("key-provider", Buffer.from("kms")))),
  },
  {
    name: "a stated key provider that is not the measured one",
    fails: "dstack.key-provider",
    simulator: { keyProvider: KMS },
    faults: info({ key_provider_info: '{"name":"none","id":""}' }),
  },
];

const manager: readonly AnswerCase[] = [
  { name: "a compose manager of the same TD", manager: {} },
  {
    name: "a compose manager of the same TD, where the policy requires one",
    manager: {},
    policy: (policy) => ({ ...policy, require: ["dstack.runtime-compose"] }),
  },
  {
    name: "no compose manager, where the policy requires one",
    unmet: "dstack.runtime-compose",
    policy: (policy) => ({ ...policy, require: ["dstack.runtime-compose"] }),
  },
  {
    name: "a compose manager whose actions were edited",
    fails: "dstack.runtime-compose",
    manager: { actions: [{ action: "compose_up", file: "logger.yml" }] },
  },
  { name: "a compose manager whose actions were left out", fails: "dstack.runtime-compose", manager: { actions: [] } },
  {
    name: "a compose manager's quote for another request",
    fails: "dstack.runtime-compose",
    manager: { reportData: (bound) => Buffer.concat([bound.subarray(0, 32), Buffer.alloc(32, 9)]) },
  },
  {
    name: "a compose manager's quote of another TD",
    fails: "dstack.runtime-compose",
    manager: { td: { faults: measured((log) => [...log, runtimeEvent("app-event", hexBytes("01"))]) } },
  },
  {
    name: "a compose manager's quote of another build",
    fails: "dstack.runtime-compose",
    manager: { td: { faults: { measurements: { mrtd: OTHER_DIGEST } } } },
  },
  {
    name: "a compose manager's quote that nobody signed",
    fails: "dstack.runtime-compose",
    manager: { td: { faults: { foreignQuoteSigner: true } } },
  },
  {
    name: "a compose manager's quote by a quoting enclave that is out of date",
    fails: "dstack.runtime-compose",
    manager: { td: { faults: { qeSvn: 0 } } },
  },
  {
    name: "a compose manager's quote of a machine that is below every level",
    fails: "dstack.runtime-compose",
    manager: { td: { faults: { teeTcbSvn: "05010000000000000000000000000000" } } },
  },
  {
    name: "a compose manager's quote of a TDX module that Intel does not know",
    fails: "dstack.runtime-compose",
    manager: { td: { faults: { teeTcbSvn: "05090200000000000000000000000000" } } },
  },
  { name: "a compose manager's quote under a strange root", fails: "dstack.runtime-compose", manager: { stranger: true } },
  {
    name: "a compose manager that states another hash of its actions",
    fails: "dstack.runtime-compose",
    manager: { members: { actions_hash: "ab".repeat(32) } },
  },
];

export const dstackFamilies: readonly AnswerFamily[] = [
  { family: "compose", cases: [...compose, ...images] },
  { family: "OS image and key provider", cases: [...osImage, ...provider] },
  { family: "compose manager", cases: manager },
];
