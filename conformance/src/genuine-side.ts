import { randomBytes } from "node:crypto";
import { HEADERS, parseHex, toHex, utf8 } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { type SealedBody, sealBody, sealRequest, writeBinding } from "@bauta/protocol/client";
import { createBodyKey } from "@bauta/protocol/enclave";
import { createEnclave, type Engine, type Platform } from "@bauta/enclave";
import { createSimulator, type GpuFaults, type SimulatedGpus, type Simulator } from "@bauta/simulator";
import { type JsonObject, readAnswer, type RelayedAnswer } from "./relayed-answer.ts";

export const MODEL = "e2ee-conformance";
export const OTHER_MODEL = "e2ee-cheaper";
/** Sealed by version 2 alone. */
export const TEE_MODEL = "tee-conformance";

/** What the enclave answers to everything. */
export const HONEST_REASONING: readonly string[] = ["Weighing the tide; ", "it is slack. "];
export const HONEST_CONTENT: readonly string[] = ["The lagoon ", "lies still ", "tonight — ", "così è. 🛶"];

/** An answer to somebody else's request, with its receipt: what a provider has lying about. */
interface EarlierAnswer {
  readonly answer: RelayedAnswer;
  readonly signature: JsonObject;
}

interface OwnRequest extends Pick<SealedBody, "body"> {
  readonly headers: Readonly<Record<string, string>>;
}

/** A real enclave on a simulated platform, as a provider runs one. */
export interface GenuineSide {
  readonly url: string;
  readonly platform: Simulator;
  /** The machine's GPUs as they are just now; none unless it was started with some. */
  readonly gpus: SimulatedGpus | undefined;
  /** Has the GPUs go wrong in this way from now on, or work again. */
  breakGpus(faults: GpuFaults | undefined): void;
  /** The model key, 65 bytes. */
  readonly publicKey: Uint8Array;
  /** The policy that pins its build. */
  readonly policy: { readonly require?: readonly string[] };
  /** An attestation answer as it was given an hour ago, to another nonce. */
  readonly earlierAttestation: JsonObject;
  readonly earlier: EarlierAnswer;
  /** The same under version 2: frames, and the nonce that they are opened with. */
  readonly earlierSealed: EarlierAnswer;
  /** A key for sealed bodies that is not this enclave's. @see RFC 9458 §3 */
  readonly otherKeyConfig: Uint8Array;
  /** A request by somebody else, sealed whole, with its headers. */
  sealOwn(model?: string): Promise<OwnRequest>;
  attest(model: string, nonce: string): Promise<JsonObject>;
  chat(headers: Readonly<Record<string, string>>, body: Uint8Array, path?: string): Promise<RelayedAnswer>;
  signature(model: string, requestId: string): Promise<JsonObject | undefined>;
  close(): Promise<void>;
}

/** What a policy requires of GPUs here: all that simulated ones can show. */
const GPU_CHECKS = [
  "gpu.named-by-enclave",
  "gpu.fwid",
  "gpu.rim-driver",
  "gpu.rim-vbios",
  "gpu.measurements",
  "gpu.debug-off",
  "gpu.revocation",
];
const GPU_COUNT = 2;

/**
 * Starts the enclave and has it answer once.
 * @param nowMs the clock of platform and enclave
 * @param withGpus whether the machine has two GPUs, which the policy asks for
 */
export async function startGenuineSide(nowMs: () => number, withGpus = false): Promise<GenuineSide> {
  // One seed for all faults: the same keys, of which one thing has gone wrong. Certificates are signed anew each time.
  const machine = { nowMs: nowMs(), seed: randomBytes(32), ...(withGpus && { gpus: { count: GPU_COUNT } }) };
  const platform = createSimulator(machine);
  let { gpus } = platform;
  const enclave = createEnclave({
    platform: gpus ? { ...platform, ...gpuMembers(() => gpus) } : platform,
    models: [MODEL, OTHER_MODEL, TEE_MODEL].map((id) => ({ id, engine })),
    nowMs,
    log: { level: "silent" },
    graceMs: 0,
    // A software platform protects nothing, and test runners set NODE_OPTIONS as they like.
    allowDebuggableProcess: true,
  });
  const { url } = await enclave.listen({ port: 0 });

  async function attest(model: string, nonce: string): Promise<JsonObject> {
    const answer = await getJson(`${url}/v1/tee/attestation?${new URLSearchParams({ model, nonce }).toString()}`);
    if (!answer) throw new Error("the genuine enclave refuses to attest: was the nonce 64 hex digits?");
    // The documented form, which the gateway gives it.
    return { ...answer, verified: true, intel_quote: Buffer.from(String(answer["intel_quote"]), "hex").toString("base64") };
  }

  async function chat(headers: Readonly<Record<string, string>>, body: Uint8Array, path = "chat/completions"): Promise<RelayedAnswer> {
    const response = await fetch(`${url}/v1/${path}`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: new Uint8Array(body),
    });
    return readAnswer(response);
  }

  const signature = (model: string, requestId: string): Promise<JsonObject | undefined> =>
    getJson(`${url}/v1/tee/signature?${new URLSearchParams({ model, request_id: requestId }).toString()}`);

  async function answerOnce(): Promise<EarlierAnswer> {
    const { headers, body } = await sealRequest(
      { model: MODEL, messages: [{ role: "user", content: "an earlier question" }] },
      { backend, modelKey: enclave.publicKey },
    );
    return keepAnswer(await chat({ ...headers, [HEADERS.nonce]: toHex(randomBytes(32)) }, body));
  }

  async function sealOwn(model = MODEL): Promise<OwnRequest> {
    const request = { model, stream: true, messages: [{ role: "user", content: "a question of somebody else's" }] };
    const bound = writeBinding(request, { method: "POST", path: "/chat/completions", model, nowMs: nowMs() });
    const sealed = await sealBody({ backend, keyConfig, plaintext: utf8(JSON.stringify(bound)) });
    const headers = {
      [HEADERS.encapsulatedKey]: sealed.encapsulatedKey,
      [HEADERS.model]: model,
      [HEADERS.modelPublicKey]: toHex(enclave.publicKey),
      [HEADERS.nonce]: toHex(randomBytes(32)),
    };
    return { body: sealed.body, headers };
  }

  async function answerOnceSealed(): Promise<EarlierAnswer> {
    const { headers, body } = await sealOwn();
    return keepAnswer(await chat(headers, body));
  }

  async function keepAnswer(answer: RelayedAnswer): Promise<EarlierAnswer> {
    const signed = await signature(MODEL, answer.headers[HEADERS.requestId] ?? "");
    if (!signed) throw new Error("the genuine enclave gave no receipt");
    return { answer, signature: signed };
  }

  const earlierAttestation = await attest(MODEL, toHex(randomBytes(32)));
  const { hpke_key_config: offered } = JSON.parse(String(earlierAttestation["keys"])) as { readonly hpke_key_config: string };
  const keyConfig = parseHex(offered, 64) ?? new Uint8Array();

  return {
    url,
    platform,
    publicKey: enclave.publicKey,
    policy: { ...platform.policy("conformance"), ...(withGpus && { gpu: { count: GPU_COUNT }, require: GPU_CHECKS }) },
    get gpus() {
      return gpus;
    },
    breakGpus(faults) {
      ({ gpus } = faults && withGpus ? createSimulator({ ...machine, faults }) : platform);
    },
    earlierAttestation,
    earlier: await answerOnce(),
    earlierSealed: await answerOnceSealed(),
    otherKeyConfig: (await createBodyKey(backend)).keyConfig,
    sealOwn,
    attest,
    chat,
    signature,
    close: () => enclave.close(),
  };
}

/** How an enclave asks its machine about its GPUs. */
function gpuMembers(current: () => SimulatedGpus | undefined): Pick<Platform, "gpuEvidence" | "gpuEndorsements"> {
  return {
    gpuEvidence: async (nonce) => (await current()?.payload(nonce)) ?? "",
    gpuEndorsements: async () => ({ rims: current()?.rims ?? [], ocsp: (await current()?.ocsp()) ?? [] }),
  };
}

const engine: Engine = {
  name: "scripted",
  contextTokens: 4096,
  async *generate() {
    for (const reasoning of HONEST_REASONING) yield { type: "delta", reasoning };
    for (const content of HONEST_CONTENT) yield { type: "delta", content };
    yield { type: "finish", reason: "stop", usage: { prompt_tokens: 9, completion_tokens: 6, total_tokens: 15 } };
  },
  close: () => Promise.resolve(),
};

async function getJson(url: string): Promise<JsonObject | undefined> {
  const response = await fetch(url);
  const body = (await response.json()) as JsonObject;
  return response.ok ? body : undefined;
}
