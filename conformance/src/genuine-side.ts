import { randomBytes } from "node:crypto";
import { HEADERS, toHex } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { sealRequest } from "@bauta/protocol/client";
import { createEnclave, type Engine } from "@bauta/enclave";
import { createSimulator, type Simulator } from "@bauta/simulator";
import { type JsonObject, readAnswer, type RelayedAnswer } from "./relayed-answer.ts";

export const MODEL = "e2ee-conformance";
export const OTHER_MODEL = "e2ee-cheaper";

/** What the enclave answers to everything. */
export const HONEST_REASONING: readonly string[] = ["Weighing the tide; ", "it is slack. "];
export const HONEST_CONTENT: readonly string[] = ["The lagoon ", "lies still ", "tonight — ", "così è. 🛶"];

/** An answer to somebody else's request, with its receipt: what a provider has lying about. */
interface EarlierAnswer {
  readonly answer: RelayedAnswer;
  readonly signature: JsonObject;
}

/** A real enclave on a simulated platform, as a provider runs one. */
export interface GenuineSide {
  readonly url: string;
  readonly platform: Simulator;
  /** The model key, 65 bytes. */
  readonly publicKey: Uint8Array;
  /** The policy that pins its build. */
  readonly policy: object;
  /** An attestation answer as it was given an hour ago, to another nonce. */
  readonly earlierAttestation: JsonObject;
  readonly earlier: EarlierAnswer;
  attest(model: string, nonce: string): Promise<JsonObject>;
  chat(headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<RelayedAnswer>;
  signature(model: string, requestId: string): Promise<JsonObject | undefined>;
  close(): Promise<void>;
}

/** Starts the enclave and has it answer once. @param nowMs the clock of platform and enclave */
export async function startGenuineSide(nowMs: () => number): Promise<GenuineSide> {
  const platform = createSimulator({ nowMs: nowMs() });
  const enclave = createEnclave({
    platform,
    models: [MODEL, OTHER_MODEL].map((id) => ({ id, engine })),
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

  async function chat(headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<RelayedAnswer> {
    const response = await fetch(`${url}/v1/chat/completions`, {
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
    const answer = await chat({ ...headers, [HEADERS.nonce]: toHex(randomBytes(32)) }, body);
    const signed = await signature(MODEL, answer.headers[HEADERS.requestId] ?? "");
    if (!signed) throw new Error("the genuine enclave gave no receipt");
    return { answer, signature: signed };
  }

  return {
    url,
    platform,
    publicKey: enclave.publicKey,
    policy: platform.policy("conformance"),
    earlierAttestation: await attest(MODEL, toHex(randomBytes(32))),
    earlier: await answerOnce(),
    attest,
    chat,
    signature,
    close: () => enclave.close(),
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
