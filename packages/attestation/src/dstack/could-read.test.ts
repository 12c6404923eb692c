import { describe, expect, it } from "vitest";
import { noVectors } from "../../../../tests/support/vectors.ts";
import type { Build } from "../policy/policy.ts";
import { CHECK_IDS, type CheckId, failed, type Finding, passed } from "../result.ts";
import { readVeniceDstack } from "../testing/venice.ts";
import { appraiseDstack } from "./appraise-dstack.ts";
import { parseComposeDocument } from "./compose-document.ts";
import { type CouldReadInput, whoCouldRead } from "./could-read.ts";

/** All checks passed but those named. */
const allBut = (...ids: CheckId[]): Finding[] =>
  CHECK_IDS.map((id) => (ids.includes(id) ? { id, status: "not-checked", reason: "" } : passed(id, "")));
const compose = (file: string, members: object = {}) => ({
  ...parseComposeDocument(JSON.stringify({ docker_compose_file: file, ...members })),
  hash: "00",
});
const image = `app@sha256:${"ab".repeat(32)}`;
const BUILD: Build = { name: "b", source: "s", date: "2026-01-01", mrtd: "", rtmr0: "", rtmr1: "", rtmr2: "" };
const best = {
  sealing: "body",
  findings: allBut(),
  compose: compose(`services: {engine: {image: '${image}'}}`),
  simulated: false,
  debug: false,
  pinned: true,
} satisfies CouldReadInput;
const who = (changes: Partial<CouldReadInput>) => whoCouldRead({ ...best, ...changes }).join("\n");

describe("whoCouldRead", () => {
  it("names the engine and its GPU alone where everything is proven and nothing reaches further", () => {
    expect(whoCouldRead(best)).toEqual([
      'The programs in the measured compose document, the engine or what stands before it among them: "engine".',
      "Whoever has the GPU that the model really runs on: that it is one of the genuine GPUs shown is the enclave's word.",
    ]);
  });

  for (const [what, changes, expected] of [
    ["an active gateway under version 1", { sealing: "messages" }, "An active gateway, and whoever else relays: version 1 of the protocol"],
    ["the gateway without end-to-end encryption", { sealing: "none" }, "The gateway and whoever runs it"],
    ["the host under debug", { debug: true, pinned: false }, "The machine's host: the TD is in debug mode"],
    ["the simulator's host", { simulated: true }, "SIMULATED"],
    ["anyone where nothing is pinned", { pinned: false }, "Anyone who can rent a TDX machine"],
    [
      "whoever chose another build than the policy's",
      { pinned: false, build: BUILD, findings: [...allBut("measure.rtmr1"), failed("measure.rtmr1", "")] },
      'was compared with build "b", the nearest in your policy, and is not that (measure.rtmr1 failed)',
    ],
    [
      "whoever chose a build of which not all was compared",
      { pinned: false, build: BUILD, findings: allBut("dstack.compose-hash") },
      'not all of it could be compared with build "b" of your policy (dstack.compose-hash was not made)',
    ],
    ["anyone where no enclave is proven", { findings: allBut("tdx.quote-signature") }, "Anyone: nothing proves that an enclave answered"],
    ["anyone where the key is not bound", { findings: allBut("key.bound-to-report-data") }, "key.bound-to-report-data did not pass"],
    ["attackers of an unknown platform", { findings: allBut("tdx.tcb-status") }, "tdx.tcb-status did not pass"],
    ["the operator of a TD of unknown setup", { findings: allBut("td.attributes") }, "td.attributes did not pass"],
    ["holders of a key that is not exclusive", { findings: allBut("key.exclusive") }, "key.exclusive did not pass"],
    [
      "the host where no GPU is proven",
      { findings: allBut("gpu.report-signature") },
      "is a confidential one (gpu.report-signature did not pass)",
    ],
    ["the owner of GPUs that no enclave names", { findings: allBut("gpu.named-by-enclave") }, "these may be another machine's."],
    ["whoever writes a GPU's firmware", { findings: allBut("gpu.measurements") }, "what NVIDIA released (gpu.measurements did not pass)."],
    [
      "the owner of switches that are not proven, in the mode in which they see what GPUs send each other",
      { findings: allBut("gpu.switches"), gpus: { claims: { gpus: [{ mode: "PPCIE" }] } } },
      "Whoever has the switches between the GPUs: in PPCIE mode",
    ],
    ["unknown programs", { compose: undefined }, "which programs see the prompt is not known"],
    [
      "the KMS's governors",
      { keyProvider: { name: "kms", id: "3059aa" } },
      'Whoever governs the key management service (its key ends in "3059aa") or may upgrade the app',
    ],
    ["a local key provider", { keyProvider: { name: "local-sgx", id: "00" } }, "SGX enclave on the same machine"],
    ["a TPM", { keyProvider: { name: "tpm", id: "" } }, "provides the TPM"],
    ["an unknown key provider", { keyProvider: { name: "x\u001b", id: "" } }, 'key provider, "x?"'],
  ] as const satisfies readonly (readonly [string, Partial<CouldReadInput>, string])[]) {
    it(`names ${what}`, () => {
      expect(who(changes)).toContain(expected);
    });
  }

  for (const [what, file, members, expected] of [
    [
      "docker.sock",
      `services: {m: {image: '${image}', volumes: ['/var/run/docker.sock:/d:ro']}}`,
      {},
      'The container "m": it holds docker.sock',
    ],
    [
      "what starts later",
      `services: {m: {image: '${image}', volumes: ['/var/run/docker.sock:/d']}}`,
      {},
      'Containers that are started later by "m"',
    ],
    ["a debug shell", `services: {m: {image: '${image}', command: sshd -D}}`, {}, "it appears to offer a shell"],
    ["privileged containers", `services: {m: {image: '${image}', privileged: true}}`, {}, "it is privileged"],
    [
      "unpinned images",
      "services: {m: {image: 'app:latest'}}",
      {},
      'Whoever decides what these services start, since no digest does: "m" (its image is not pinned by digest)',
    ],
    ["included files", `include: [o]\nservices: {m: {image: '${image}'}}`, {}, "does not name: it includes other files"],
    ["scripts", "services: {}", { pre_launch_script: "x" }, "The measured pre_launch_script: it runs in the guest itself"],
    ["public logs", "services: {}", { public_logs: true }, "public_logs"],
    [
      "the environment",
      `services: {m: {image: '${image}', command: run $A}}`,
      { allowed_envs: ["A", "B", "LD_PRELOAD"] },
      '"A", "B", "LD_PRELOAD"; of these, "A", "LD_PRELOAD" can change what runs',
    ],
    ["dstack's gateway", "services: {}", { gateway_enabled: true }, "and dstack's gateway, which ends TLS for the app,"],
    ["the KMS by the document alone", "services: {}", { kms_enabled: true }, "key management service or may upgrade"],
  ] as const) {
    it(`names ${what}`, () => {
      expect(who({ compose: compose(file, members), sealing: "none" })).toContain(expected);
    });
  }

  it("names no switches where they are proven, or see nothing in the clear", () => {
    const gpus = (mode: "PPCIE" | "SPT") => ({ claims: { gpus: [{ mode }] } });
    expect(who({ gpus: gpus("PPCIE") })).not.toContain("switches");
    expect(who({ gpus: gpus("SPT"), findings: allBut("gpu.switches") })).not.toContain("switches");
  });

  it("names anyone who starts the same images otherwise, where the build pins images alone", () => {
    const build: Build = { ...BUILD, images: ["ab".repeat(32)] };
    expect(who({ build })).toMatch(/^Anyone who can rent a TDX machine and start the images of build "b" with commands, mounts/);
    expect(who({ build: { ...build, compose_hash: "cd".repeat(32) } })).not.toContain("Anyone");
    expect(who({ build, pinned: false })).not.toContain("start the images");
  });

  it("keeps names from evidence short and printable", () => {
    const name = `"\\u001b[31m${"x".repeat(500)}"`;
    const sentences = whoCouldRead({ ...best, compose: compose(`services: {${name}: {image: '${image}', privileged: true}}`) });
    for (const sentence of sentences) {
      expect(sentence).toMatch(/^[\x20-\x7e…]+$/);
      expect(sentence.length).toBeLessThan(300);
    }
  });

  it.skipIf(noVectors)("names the recorded service's docker.sock containers, and what the manager starts later", async () => {
    const { evidence, report, second, nonce } = readVeniceDstack();
    const { compose: measured, keyProvider, runtime } = await appraiseDstack({ evidence, report, nonce, manager: { report: second } });
    const sentences = whoCouldRead({ ...best, findings: allBut("key.exclusive"), compose: measured, keyProvider, runtime });
    expect(sentences).toEqual([
      'The programs in the measured compose document, the engine or what stands before it among them: "datadog-agent", "certbot", "certbot-init", "compose-manager".',
      'The container "datadog-agent": it holds docker.sock, so it can start, enter and read every container, also where the socket is mounted read-only; it is given files of the guest, such as processes, logs or other containers\' data.',
      "The container \"compose-manager\": it holds docker.sock, so it can start, enter and read every container, also where the socket is mounted read-only; it holds dstack's socket, so it can derive the app's keys and have quotes made; it is given the folder in which dstack keeps the app's keys or its decrypted environment.",
      expect.stringMatching(
        /^Containers that are started later by "datadog-agent", "compose-manager": no measurement covers them, so engine and weights are not proven; the last that a compose manager says it did is "Qwen3\.5-122B\.yaml compose_up v0\.0\.118/,
      ),
      "The measured pre_launch_script: it runs in the guest itself, with access to everything in it.",
      expect.stringMatching(/BEARER_TOKEN.*; of these, "CERTBOT_EMAIL", "CLOUDFLARE_API_TOKEN", "ENV", "HOSTNAME" can change what runs/),
      expect.stringMatching(/^Whoever governs the key management service \(its key ends in "[0-9a-f]{16}"\) or may upgrade the app/),
      expect.stringContaining("key.exclusive did not pass"),
      expect.stringMatching(/^Whoever has the GPU/),
    ]);
  });
});
