import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  canonical,
  createIndependentClient,
  envelopesSha256,
  readStream,
  sealText,
  sha256Hex,
  signerOf,
} from "./testing/independent-client.ts";
import { NOW_MS, sayHello, scriptedEngine, sealedHeaders, startEnclave, USAGE } from "./testing/running-enclave.ts";

interface Attestation {
  readonly signing_key: string;
  readonly signing_address: string;
}
interface Kept {
  readonly text: string;
  readonly signature: string;
}

const NONCE = "ab".repeat(32);
const bytesOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());

describe("sealed round trip with an independent client", () => {
  it("opens the request, seals every piece under one key, and signs both", async () => {
    const engine = scriptedEngine(sayHello);
    const { url, enclave, post } = await startEnclave(engine);

    const attestation = (await (await fetch(`${url}/v1/tee/attestation?model=e2ee-demo&nonce=${NONCE}`)).json()) as Attestation;
    const modelKey = attestation.signing_key;
    const client = createIndependentClient();
    const body = JSON.stringify({
      model: "e2ee-demo",
      messages: [
        { role: "system", content: sealText("be brief", modelKey) },
        { role: "user", content: sealText("what is 2+2? 🙂", modelKey) },
        { role: "assistant", content: "four" },
      ],
      stream: true,
      max_tokens: 7,
      stream_options: { include_usage: true },
      unknown_member: "dropped",
    });
    const response = await post(body, { ...sealedHeaders(modelKey, client.publicKeyHex), "bauta-nonce": NONCE });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-transform, no-store");
    expect(response.headers.get("content-encoding")).toBeNull();
    const requestId = response.headers.get("bauta-request-id") as string;
    expect(requestId).toMatch(/^chatcmpl-[0-9a-f]{32}$/);

    expect(engine.requests).toEqual([
      {
        model: "e2ee-demo",
        messages: [
          { role: "system", content: "be brief" },
          { role: "user", content: "what is 2+2? 🙂" },
          { role: "assistant", content: "four" },
        ],
        sampling: { maxTokens: 7 },
        stream: true,
        includeUsage: true,
        omitReasoning: false,
      },
    ]);

    const stream = readStream(await bytesOf(response));
    const deltas = stream.chunks.map(({ choices }) => choices[0]?.delta ?? {});
    expect(deltas.flatMap(({ content }) => (content === undefined ? [] : [client.open(content)]))).toEqual(["Hello 中", "🙂"]);
    expect(deltas.flatMap(({ reasoning_content: thought }) => (thought === undefined ? [] : [client.open(thought)]))).toEqual([
      "thinking é",
    ]);
    const senders = new Set(
      deltas.flatMap((delta) => [delta.content, delta.reasoning_content]).flatMap((one) => (one === undefined ? [] : [one.slice(0, 130)])),
    );
    expect(senders.size).toBe(1);
    expect(stream.chunks.every(({ id, model, created }) => id === requestId && model === "e2ee-demo" && created === NOW_MS / 1000)).toBe(
      true,
    );
    expect(stream.chunks.find(({ choices }) => choices[0]?.finish_reason === "stop")).toBeDefined();
    expect(stream.chunks.at(-1)).toMatchObject({ choices: [], usage: USAGE });
    expect(stream.done).toBe(true);

    // The receipt behind [DONE], signed by the attested key over what this client sent and saw.
    expect(stream.receipt?.receipt).toEqual({
      request_id: requestId,
      model: "e2ee-demo",
      client_nonce: NONCE,
      request_sha256: sha256Hex(Buffer.from(body)),
      response_sha256: stream.sha256,
      envelopes_sha256: envelopesSha256(stream.chunks),
      finish_reason: "stop",
      usage: USAGE,
      weights: null,
      engine: { name: "scripted", image_digest: null },
      created: NOW_MS / 1000,
    });
    const statement = `bauta/receipt/1\n${canonical(stream.receipt?.receipt)}`;
    expect(signerOf(statement, stream.receipt?.signature as string)).toBe(enclave.address);
    expect(attestation.signing_address).toBe(enclave.address);

    // The same receipt by its id, with the documented text.
    const kept = (await (await fetch(`${url}/v1/tee/signature?model=e2ee-demo&request_id=${requestId}`)).json()) as Kept;
    expect(kept).toEqual({
      text: `${sha256Hex(Buffer.from(body))}:${stream.sha256}`,
      signature: kept.signature,
      signing_address: enclave.address,
      signing_algo: "ecdsa",
      model: "e2ee-demo",
      request_id: requestId,
      receipt: stream.receipt?.receipt,
      receipt_signature: stream.receipt?.signature,
    });
    expect(signerOf(kept.text, kept.signature)).toBe(enclave.address);
    expect((await fetch(`${url}/v1/tee/signature?model=tee-demo&request_id=${requestId}`)).status).toBe(404);
  });

  it("makes another key for every answer, and leaves reasoning out when asked", async () => {
    const { modelKeyHex, post } = await startEnclave(scriptedEngine(sayHello));
    const senders = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const client = createIndependentClient();
      const body = {
        model: "e2ee-demo",
        messages: [{ role: "user", content: sealText("x", modelKeyHex) }],
        stream: true,
        venice_parameters: { strip_thinking_response: true },
      };
      const stream = readStream(await bytesOf(await post(body, sealedHeaders(modelKeyHex.slice(2), client.publicKeyHex))));
      const deltas = stream.chunks.map(({ choices }) => choices[0]?.delta);
      expect(deltas.some((delta) => delta?.reasoning_content !== undefined)).toBe(false);
      expect(stream.chunks.some(({ choices }) => choices.length === 0)).toBe(false);
      for (const delta of deltas) if (delta?.content !== undefined) senders.add(delta.content.slice(0, 130));
    }
    expect(senders.size).toBe(3);
  });
});

describe("plain answers", () => {
  const ask = { model: "tee-demo", messages: [{ role: "user", content: "hi" }] };

  it("streams in OpenAI's shape with a receipt", async () => {
    const { enclave, url, post } = await startEnclave(scriptedEngine(sayHello));
    const body = JSON.stringify({ ...ask, stream: true });
    const response = await post(body);
    const stream = readStream(await bytesOf(response));
    expect(stream.chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: "assistant" },
      { reasoning_content: "thinking é" },
      { content: "Hello 中" },
      { content: "🙂" },
      {},
    ]);
    expect(stream.receipt?.receipt).toMatchObject({
      client_nonce: null,
      envelopes_sha256: null,
      request_sha256: sha256Hex(Buffer.from(body)),
      response_sha256: stream.sha256,
    });
    const requestId = response.headers.get("bauta-request-id") as string;
    const kept = (await (await fetch(`${url}/v1/tee/signature?model=tee-demo&request_id=${requestId}`)).json()) as Kept;
    expect(signerOf(kept.text, kept.signature)).toBe(enclave.address);
  });

  it("answers whole when streaming was not asked for, with the receipt by id", async () => {
    const engine = scriptedEngine(sayHello);
    const { enclave, url, post } = await startEnclave(engine);
    const body = JSON.stringify(ask);
    const response = await post(body);
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-transform, no-store");
    const bytes = await bytesOf(response);
    const requestId = response.headers.get("bauta-request-id") as string;
    expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({
      id: requestId,
      object: "chat.completion",
      created: NOW_MS / 1000,
      model: "tee-demo",
      choices: [
        { index: 0, message: { role: "assistant", content: "Hello 中🙂", reasoning_content: "thinking é" }, finish_reason: "stop" },
      ],
      usage: USAGE,
    });
    const kept = (await (await fetch(`${url}/v1/tee/signature?model=tee-demo&request_id=${requestId}`)).json()) as Kept;
    const digest = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");
    expect(kept.text).toBe(`${digest(Buffer.from(body))}:${digest(bytes)}`);
    expect(signerOf(kept.text, kept.signature)).toBe(enclave.address);
    // Without a limit of the client's, the model's own applies.
    expect(engine.requests[0]?.sampling.maxTokens).toBe(100);
  });

  it("caps max_tokens at what the model may answer", async () => {
    const engine = scriptedEngine(sayHello);
    const { post } = await startEnclave(engine, { models: [{ id: "tee-demo", engine, maxCompletionTokens: 20 }] });
    await (await post({ ...ask, max_tokens: 50 })).text();
    await (await post({ ...ask, max_tokens: 5 })).text();
    expect(engine.requests.map(({ sampling }) => sampling.maxTokens)).toEqual([20, 5]);
  });
});

describe("attestation, models, health", () => {
  it("binds its key and the nonce in REPORTDATA", async () => {
    const { enclave, url, modelKeyHex } = await startEnclave(scriptedEngine(sayHello));
    const ask = async (model: string, nonce: string): Promise<Record<string, unknown>> =>
      (await (await fetch(`${url}/v1/tee/attestation?model=${model}&nonce=${nonce}`)).json()) as Record<string, unknown>;
    const prefix = Buffer.from("QUOTE").toString("hex") + enclave.address.slice(2) + "00".repeat(12);
    const answer = await ask("e2ee-demo", NONCE.toUpperCase());
    expect(answer).toEqual({
      nonce: NONCE.toUpperCase(),
      nonce_source: "client",
      request_nonce: NONCE.toUpperCase(),
      model: "e2ee-demo",
      tee_provider: "test-provider",
      tee_hardware: "none",
      intel_quote: prefix + NONCE,
      signing_key: modelKeyHex,
      signing_public_key: modelKeyHex,
      signing_address: enclave.address,
      signing_algo: "ecdsa",
      event_log: [],
      info: { app_id: "app" },
      keys: answer["keys"],
      keys_signature: answer["keys_signature"],
      endorsements: { tcb_info: "{}" },
    });
    const short = "0123456789abcdef0123456789abcdef";
    expect((await ask("tee-demo", short))["intel_quote"]).toBe(prefix + createHash("sha256").update(short).digest("hex"));
  });

  it("lists its models and says that it is well", async () => {
    const { url } = await startEnclave(scriptedEngine(sayHello));
    expect(await (await fetch(`${url}/v1/models`)).json()).toEqual({
      data: [
        { id: "tee-demo", context_length: 100, max_completion_tokens: 100, sealed: false, engine: "scripted" },
        { id: "e2ee-demo", context_length: 100, max_completion_tokens: 100, sealed: true, engine: "scripted" },
      ],
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it("makes another key in every enclave", async () => {
    const [one, other] = [await startEnclave(scriptedEngine(sayHello)), await startEnclave(scriptedEngine(sayHello))];
    expect(one.modelKeyHex).not.toBe(other.modelKeyHex);
  });
});
