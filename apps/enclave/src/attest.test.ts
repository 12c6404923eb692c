import { createHash } from "node:crypto";
import { backend } from "@bauta/protocol/backend";
import { describe, expect, it, onTestFinished } from "vitest";
import { attest } from "./attest.ts";
import type { Platform } from "./platform.ts";
import { type BodyKeys, createBodyKeys } from "./sealed-body/body-keys.ts";
import { signerOf } from "./testing/independent-client.ts";
import { gate, NOW_MS, sayHello, scriptedEngine, startEnclave, testPlatform } from "./testing/running-enclave.ts";

const NONCE = "ab".repeat(32);
const engine = scriptedEngine(sayHello);

interface Answer {
  readonly nvidia_payload?: string;
  readonly gpu_endorsements?: { readonly rims: readonly string[]; readonly ocsp: readonly string[] };
  readonly keys: string;
  readonly keys_signature: string;
}

/** A platform with GPUs whose evidence shows the nonce that it was asked for, and which call it was. */
function withGpus(changes: Partial<Platform> = {}): Platform {
  let calls = 0;
  return {
    ...testPlatform,
    gpuEvidence: (nonce) => Promise.resolve(`{"größe":${++calls},"nonce":"${Buffer.from(nonce).toString("hex")}"}`),
    gpuEndorsements: () => Promise.resolve({ rims: ["<driver/>", "<vbios ü/>"], ocsp: [Uint8Array.of(0x30, 0xff), Uint8Array.of(0)] }),
    ...changes,
  };
}

async function ask(platform: Platform, query = `model=e2ee-demo&nonce=${NONCE}`) {
  const { url, enclave } = await startEnclave(engine, { platform });
  const response = await fetch(`${url}/v1/tee/attestation?${query}`);
  return { status: response.status, answer: (await response.json()) as Answer, enclave, url };
}

async function bodyKeys(): Promise<BodyKeys> {
  const keys = createBodyKeys({ backend, nowMs: () => NOW_MS });
  onTestFinished(() => keys.close());
  await keys.refresh();
  return keys;
}

const named = ({ keys }: Answer) => (JSON.parse(keys) as { gpu_evidence_sha256: unknown }).gpu_evidence_sha256;
const sha256 = (text = "") => createHash("sha256").update(Buffer.from(text, "utf8")).digest("hex");

describe("an enclave with GPUs", () => {
  it("serves their evidence over the nonce that REPORTDATA binds, and names it in what its key signs", async () => {
    const { answer, enclave, url } = await ask(withGpus());
    expect(answer.nvidia_payload).toBe(`{"größe":1,"nonce":"${NONCE}"}`);
    expect(named(answer)).toBe(sha256(answer.nvidia_payload));
    expect(signerOf(`bauta/keys/1\n${answer.keys}`, answer.keys_signature)).toBe(enclave.address);

    // A nonce that is no 32 bytes is bound by its hash, for GPUs too.
    const again = (await (await fetch(`${url}/v1/tee/attestation?model=tee-demo&nonce=hello`)).json()) as Answer;
    expect(again.nvidia_payload).toBe(`{"größe":2,"nonce":"${sha256("hello")}"}`);
    expect(named(again)).toBe(sha256(again.nvidia_payload));
  });

  it("serves what NVIDIA says about them, answers in base64", async () => {
    const { answer } = await ask(withGpus());
    expect(answer.gpu_endorsements).toEqual({ rims: ["<driver/>", "<vbios ü/>"], ocsp: ["MP8=", "AA=="] });
    const without = await ask(withGpus({ gpuEndorsements: () => Promise.resolve(undefined) }));
    expect(without.answer).not.toHaveProperty("gpu_endorsements");
    expect(named(without.answer)).toBe(sha256(without.answer.nvidia_payload));
  });

  it("answers nothing where they do not, and says nothing of why", async () => {
    const { status, answer } = await ask(withGpus({ gpuEvidence: () => Promise.reject(new Error("CANARY")) }));
    expect(status).toBe(500);
    expect(JSON.stringify(answer)).not.toContain("CANARY");
    expect(answer).not.toHaveProperty("keys");
  });

  it("signs nothing with a key that was erased while they took their time", async () => {
    const evidence = gate();
    const platform = withGpus({ gpuEvidence: () => evidence.promise.then(() => "{}") });
    const modelKey = backend.createKeyPair();
    const answering = attest(
      { platform, backend, modelKey, bodyKeys: await bodyKeys(), nowMs: () => NOW_MS },
      { id: "e2ee-demo", engine },
      NONCE,
    );
    modelKey.secretKey.fill(0);
    evidence.resolve();
    await expect(answering).rejects.toMatchObject({ code: "shutting_down" });
  });
});

describe("an enclave without GPUs", () => {
  it("says so in what its key signs, and serves no endorsements of any", async () => {
    const { gpuEvidence: _none, ...platform } = withGpus();
    const { answer } = await ask(platform);
    expect(named(answer)).toBeNull();
    expect(answer).not.toHaveProperty("nvidia_payload");
    expect(answer).not.toHaveProperty("gpu_endorsements");
  });

  it("signs before it awaits anything", async () => {
    const quote = gate();
    const platform: Platform = { ...testPlatform, quote: () => quote.promise.then(() => new Uint8Array()) };
    const modelKey = backend.createKeyPair();
    const address = `0x${Buffer.from(modelKey.publicKey).toString("hex")}`;
    const answering = attest(
      { platform, backend, modelKey, bodyKeys: await bodyKeys(), nowMs: () => NOW_MS },
      { id: "e2ee-demo", engine },
      NONCE,
    );
    modelKey.secretKey.fill(0);
    quote.resolve();
    const answer = (await answering) as unknown as Answer & { readonly signing_address: string; readonly signing_key: string };
    expect(`0x${answer.signing_key}`).toBe(address);
    expect(signerOf(`bauta/keys/1\n${answer.keys}`, answer.keys_signature)).toBe(answer.signing_address);
  });
});
