import { createServer, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { builtInPolicy } from "@bauta/attestation";
import { type Client, type ClientOptions, createClient } from "@bauta/client";
import { parseHex, toHex } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { createSealedWriter } from "@bauta/protocol/enclave";
import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { noVectors } from "../support/vectors.ts";
import { readVeniceCapture } from "../support/venice-capture.ts";

const MODEL = "e2ee-qwen3-5-122b-a10b";
const CANARY = "canary-2b77";
const MESSAGES = [{ role: "user" as const, content: CANARY }];

type Chat = (headers: NodeJS.Dict<string | string[]>, response: ServerResponse) => void | Promise<void>;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Says again what a live service once said. Nobody here has its enclave's key. */
async function replay(chat: Chat, options: Partial<ClientOptions> = {}): Promise<{ client: Client; sent: string[] }> {
  const { answer, endorsements, nonce, nowMs } = readVeniceCapture();
  const sent: string[] = [];
  const server = createServer((request, response) => {
    if (request.url?.includes("/tee/attestation")) {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
      return;
    }
    if (request.url?.includes("/tee/signature")) {
      response.writeHead(404).end("{}");
      return;
    }
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      sent.push(body);
      void chat(request.headers, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))));
  const recorded = parseHex(nonce.query, 32);
  let isFirst = true;
  const client = createClient({
    baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`,
    apiKey: "sk-test",
    policy: builtInPolicy("venice") ?? {},
    collateral: { fetch: () => Promise.resolve(endorsements), close: () => undefined },
    nowMs: () => nowMs,
    // The one recorded question that this answer is to.
    backend: {
      ...backend,
      randomBytes: (length) => {
        const first = isFirst;
        isFirst = false;
        return first && recorded ? Uint8Array.from(recorded) : backend.randomBytes(length);
      },
    },
    ...options,
  });
  return { client, sent };
}

async function ask(client: Client): Promise<InstanceType<typeof OpenAI.APIError>> {
  const openai = new OpenAI({ baseURL: client.baseURL, apiKey: "x", fetch: client.fetch, maxRetries: 0 });
  try {
    await openai.chat.completions.create({ model: MODEL, messages: MESSAGES });
  } catch (error) {
    return error as InstanceType<typeof OpenAI.APIError>;
  }
  throw new Error("expected a rejection");
}

const beginStream = (response: ServerResponse) => response.writeHead(200, { "content-type": "text/event-stream" });

describe.skipIf(noVectors)("a recorded answer of a live service, said again", () => {
  it("is attested fully, to Intel's root and to the built-in policy's build", async () => {
    const { client } = await replay(() => undefined);
    const { result } = await client.attest(MODEL);
    expect(result.checks.filter(({ required, status }) => required && status !== "pass")).toEqual([]);
    expect(result).toMatchObject({ ok: true, simulated: false, pinned: true });
  });

  it("an answer in plaintext is refused, and the question was sealed", async () => {
    const { client, sent } = await replay((_headers, response) => {
      const chunk = { choices: [{ index: 0, delta: { content: "INJECTED" }, finish_reason: "stop" }] };
      beginStream(response).end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
    });
    const error = await ask(client);
    expect(error).toMatchObject({ status: 502, code: "answer_unverified", message: expect.stringContaining("plaintext") });
    expect(sent.length).toBe(1);
    expect(sent[0]).not.toContain(CANARY);
  });

  it("an answer that somebody else sealed is withheld: the attested key did not sign it", async () => {
    const { client } = await replay(async (headers, response) => {
      const clientKey = Buffer.from(String(headers["x-venice-tee-client-pub-key"]), "hex");
      const writer = await createSealedWriter(backend, clientKey, { id: "chatcmpl-1", model: MODEL, created: 1 });
      const parts = [writer.start(), await writer.delta({ content: "INJECTED" }), writer.finish("stop", undefined).bytes];
      beginStream(response).end(Buffer.concat(parts));
    });
    const error = await ask(client);
    expect(error).toMatchObject({ status: 502, code: "answer_unverified", message: expect.stringContaining("no receipt") });
    expect(error.message).not.toContain("INJECTED");
  });

  it("the same answer to a question of another nonce is not acceptable", async () => {
    const { client, sent } = await replay(() => undefined, { backend });
    expect(await ask(client)).toMatchObject({ status: 403, message: expect.stringContaining("nonce.bound") });
    expect(sent).toEqual([]);
  });

  it("a policy that knows another build gets the values that changed and the line that accepts them", async () => {
    const policy = builtInPolicy("venice");
    const [build] = policy?.builds ?? [];
    const changed = { ...policy, builds: [{ ...build, rtmr3: undefined, compose_hash: "00".repeat(32) }] };
    const { client, sent } = await replay(() => undefined, { policy: JSON.parse(JSON.stringify(changed)) as object });
    const error = await ask(client);
    expect(error).toMatchObject({ status: 403, message: expect.stringContaining(`compose_hash is ${build?.compose_hash?.slice(0, 16)}…`) });
    expect(error.message).toContain(`bauta policy accept ${MODEL} --policy`);
    expect(sent).toEqual([]);
  });

  it("its key is the one that the question is sealed to", async () => {
    const keys: unknown[] = [];
    const { client } = await replay((headers, response) => {
      keys.push(headers["x-venice-tee-model-pub-key"]);
      response.writeHead(421).end("{}");
    });
    const { modelKey } = await client.attest(MODEL);
    await ask(client);
    expect(keys[0]).toBe(toHex(modelKey ?? new Uint8Array()));
  });
});
