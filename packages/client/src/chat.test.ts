import { HEADERS } from "@bauta/protocol";
import { webBackend } from "@bauta/protocol/backend-web";
import { describe, expect, it } from "vitest";
import { ClientError, RefusalError } from "./index.ts";
import {
  API_KEY,
  ask,
  at,
  CANARY,
  MODEL,
  QUESTION,
  readAll,
  rejection,
  reply,
  startServer,
  TEXT,
  VISIBLE_MODEL,
} from "./scripted-server.test.ts";

describe("chat with an e2ee model", () => {
  it("streams a verified answer, sealed both ways", async () => {
    const server = await startServer();
    const chat = await server.client().chat({ model: MODEL, messages: QUESTION, temperature: 0.5 });
    expect(chat).toMatchObject({
      model: MODEL,
      protection: "sealed",
      attestation: { result: { ok: true, simulated: true, pinned: true } },
    });

    const { text, reasoning, thrown, outcome } = await readAll(chat);
    expect({ text, reasoning, thrown }).toEqual({ text: TEXT, reasoning: "think", thrown: undefined });
    expect(outcome).toMatchObject({
      status: "verified",
      reason: undefined,
      finishReason: "stop",
      simulated: true,
      usage: { total_tokens: 7 },
      receiptKind: "bauta",
    });
    expect(outcome.receipt?.request_id).toBe(outcome.requestId);
    expect(outcome.attestation).toBe(chat.attestation);

    const { request, body, messages } = at(server.exchanges, 0);
    expect(messages).toEqual(QUESTION);
    expect(body.toString()).not.toContain(CANARY);
    expect(JSON.parse(body.toString())).toMatchObject({ model: MODEL, stream: true, temperature: 0.5 });
    expect(request.headers.authorization).toBe(`Bearer ${API_KEY}`);
    expect(request.headers[HEADERS.nonce]).toMatch(/^[0-9a-f]{64}$/);
    expect(server.count("tee/signature")).toBe(0);
  });

  it("does the same with the browsers' cryptography", async () => {
    const { text, outcome } = await ask(await startServer(), { backend: webBackend });
    expect([text, outcome.status]).toEqual([TEXT, "verified"]);
  });

  it("reads the same answer however it is split", async () => {
    const server = await startServer({
      async chat(exchange) {
        const bytes = Buffer.from((await exchange.events()).join(""));
        const parts = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(i * 7, i * 7 + 7));
        const body = new ReadableStream<Uint8Array>({
          pull(controller) {
            const part = parts.shift();
            if (part) controller.enqueue(new Uint8Array(part));
            else controller.close();
          },
        });
        split.push(new Response(body, { headers: { "content-type": "text/event-stream" } }));
        exchange.response.end();
      },
    });
    const split: Response[] = [];
    const { text, outcome } = await ask(server, {
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        return split.pop() ?? response;
      },
    });
    expect([text, outcome.status, outcome.reason]).toEqual([TEXT, "verified", undefined]);
  });

  it("uses a key pair and a nonce once, and zeroes the key", async () => {
    const secrets: Uint8Array[] = [];
    const createKeyPair = () => {
      const pair = webBackend.createKeyPair();
      secrets.push(pair.secretKey);
      return pair;
    };
    const server = await startServer();
    const client = server.client({ backend: { ...webBackend, createKeyPair } });
    for (let i = 0; i < 2; i++) {
      const { outcome } = await readAll(await client.chat({ model: MODEL, messages: QUESTION }));
      expect(outcome.status).toBe("verified");
    }
    const [first, second] = server.exchanges.map(({ request }) => request.headers);
    expect(first?.[HEADERS.clientPublicKey]).not.toBe(second?.[HEADERS.clientPublicKey]);
    expect(first?.[HEADERS.nonce]).not.toBe(second?.[HEADERS.nonce]);
    expect(secrets.map((key) => key.some((byte) => byte !== 0))).toEqual([false, false]);
    expect(server.count("tee/attestation")).toBe(1);
  });

  it.each([
    ["tools", { tools: [{ type: "function" }] }, "tools"],
    ["stop", { stop: [CANARY] }, "stop"],
    ["a message's name", { messages: [{ role: "user", content: "x", name: CANARY }] }, "messages[0].name"],
    ["an image", { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: CANARY } }] }] }, "messages[0].content"],
  ])("refuses %s by name, before anything is sent", async (_name, change, field) => {
    const server = await startServer();
    const error = await rejection(server.client().chat({ model: MODEL, messages: QUESTION, ...change } as never));
    expect(error).toBeInstanceOf(RefusalError);
    expect(error).toMatchObject({ field });
    expect(String(error)).not.toContain(CANARY);
    expect(server.count("chat")).toBe(0);
  });

  it("sends in clear what the caller names", async () => {
    const server = await startServer();
    const chat = await server.client().chat({ model: MODEL, messages: QUESTION, stop: ["end"] }, { allowInClear: ["stop"] });
    expect((await readAll(chat)).outcome.status).toBe("verified");
    expect(JSON.parse(at(server.exchanges, 0).body.toString())).toMatchObject({ stop: ["end"] });
  });

  it("says so when the request has no JSON", async () => {
    const server = await startServer();
    const error = await rejection(server.client().chat({ model: MODEL, messages: QUESTION, user: 1n }, { allowInClear: ["user"] }));
    expect(error).toMatchObject({ code: "invalid_request", action: "fix-request" });
    expect(server.count("chat")).toBe(0);
  });

  it.each([
    ["JSON with a plaintext answer", "application/json"],
    ["text of a similar type", "text/event-streams"],
    ["no type", ""],
  ])("refuses a 2xx that is no stream: %s", async (_name, type) => {
    const server = await startServer({
      chat: ({ response }) =>
        void response.writeHead(200, type === "" ? {} : { "content-type": type }).end('{"choices":[{"message":{"content":"hi"}}]}'),
    });
    const error = await rejection(server.client().chat({ model: MODEL, messages: QUESTION }));
    expect(error).toMatchObject({ name: "RefusalError", code: "malformed_answer", field: "content-type", action: "stop" });
  });
});

describe("chat with other models", () => {
  it("refuses tee-* unless the caller allows that the gateway reads along", async () => {
    const server = await startServer();
    const error = await rejection(server.client().chat({ model: VISIBLE_MODEL, messages: QUESTION }));
    expect(error).toMatchObject({ code: "gateway_visible", action: "fix-request" });
    expect(server.seen).toEqual([]);
  });

  it("attests tee-*, sends in clear when allowed, and verifies the receipt", async () => {
    const server = await startServer();
    const chat = await server.client().chat({ model: VISIBLE_MODEL, messages: QUESTION }, { allowGatewayVisible: true });
    const { text, outcome } = await readAll(chat);
    expect([chat.protection, text, outcome.status]).toEqual(["gateway-visible", TEXT, "verified"]);
    expect(server.seen[0]).toMatch(/^tee\/attestation\?model=tee-scripted&nonce=[0-9a-f]{64}$/);
    expect(server.exchanges[0]?.request.headers[HEADERS.clientPublicKey]).toBeUndefined();
  });

  it("notices a changed answer of tee-*", async () => {
    const server = await startServer({
      async chat(exchange) {
        exchange.stream((await exchange.events()).map((event) => event.replace("Two", "Ten")));
      },
    });
    const { text, outcome } = await readAll(
      await server.client().chat({ model: VISIBLE_MODEL, messages: QUESTION }, { allowGatewayVisible: true }),
    );
    expect(text).toContain("Ten");
    expect(outcome).toMatchObject({ status: "unverified", reason: expect.stringContaining("response_sha256") });
  });

  it.each([[{ text: CANARY }], ["stop\u001b[2J"], ["x".repeat(40)], [7]])(
    "refuses %j as the finish reason of tee-*",
    async (finish_reason) => {
      const server = await startServer({
        async chat(exchange) {
          const events = await exchange.events();
          exchange.stream(
            events.map((event) => event.replace('"finish_reason":"stop"', `"finish_reason":${JSON.stringify(finish_reason)}`)),
          );
        },
      });
      const chat = await server.client().chat({ model: VISIBLE_MODEL, messages: QUESTION }, { allowGatewayVisible: true });
      const { thrown, outcome } = await readAll(chat);
      expect(thrown).toMatchObject({ name: "RefusalError", code: "malformed_answer", field: "choices[0].finish_reason" });
      expect(outcome).toMatchObject({ status: "unverified", finishReason: undefined });
    },
  );

  it("passes on a short finish reason of tee-* that it does not know, as long as nothing proves it", async () => {
    const server = await startServer({
      async chat(exchange) {
        exchange.stream((await exchange.events()).map((event) => event.replace('"stop"', '"tool_calls"')));
      },
    });
    const chat = await server.client().chat({ model: VISIBLE_MODEL, messages: QUESTION }, { allowGatewayVisible: true });
    expect((await readAll(chat)).outcome).toMatchObject({ status: "unverified", finishReason: "tool_calls" });
  });

  it.each([MODEL, VISIBLE_MODEL])("gives no request id of %s that is more than an identifier", async (model) => {
    const server = await startServer({
      async chat(exchange) {
        const events = await exchange.events();
        exchange.stream(events.map((event) => event.replace(`"id":"${exchange.requestId}"`, '"id":"x\\u001b[2J✓ verified"')));
      },
    });
    const chat = await server.client().chat({ model, messages: QUESTION }, { allowGatewayVisible: true });
    const { outcome } = await readAll(chat);
    expect(outcome.status).toBe("unverified");
    expect(outcome.requestId).toBe(server.exchanges[0]?.requestId);
  });

  it("refuses a model whose name promises nothing", async () => {
    const server = await startServer();
    const error = await rejection(server.client().chat({ model: "open-model", messages: QUESTION }, { allowGatewayVisible: true }));
    expect(error).toMatchObject({ code: "model_not_private" });
    expect(server.seen).toEqual([]);
  });

  it.each(["", "a b", "x".repeat(257), 7])("refuses %j as a model's name", async (model) => {
    const server = await startServer();
    expect(await rejection(server.client().chat({ model, messages: QUESTION } as never))).toMatchObject({ code: "invalid_request" });
  });
});

describe("models", () => {
  it("lists models with what their names promise", async () => {
    const server = await startServer();
    const models = await server.client().models();
    expect(models.map(({ id, protection }) => [id, protection])).toEqual([
      [MODEL, "sealed"],
      [VISIBLE_MODEL, "gateway-visible"],
      ["open-model", "none"],
    ]);
    expect(models[0]).toEqual({
      id: MODEL,
      protection: "sealed",
      name: "Scripted",
      contextTokens: 4096,
      maxCompletionTokens: 512,
      offline: false,
    });
  });

  it.each([[{}], [{ data: [{}] }], [{ data: [{ id: "a\u001b[2J" }] }], [[]], [null]])("refuses %j", async (body) => {
    const server = await startServer({ models: (_request, response) => reply(response, 200, body) });
    const error = await rejection(server.client().models());
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({ code: "answer_malformed" });
  });
});
