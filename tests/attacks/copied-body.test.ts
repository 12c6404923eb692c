import { bautaOf } from "@bauta/client";
import type { Engine } from "@bauta/enclave";
import { HEADERS, SIGNING_ALGORITHM, toHex } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { sealRequest } from "@bauta/protocol/client";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createEchoEngine } from "./echo-engine.ts";
import { type Answer, type Captured, forward, type MaliciousRelay, startRelay } from "./malicious-relay.ts";
import { E2EE_MODEL, type Stack, startStack, TEE_MODEL } from "./private-stack.ts";
import { sealWhole } from "./seal-whole.ts";

const SECRET = "My doctor says that it is Ménière's disease.";

/**
 * What copied-envelope.test.ts does to version 1, tried on version 2: bodies that are sealed whole, to one key, for one
 * call, each once. The relay is between client and enclave, as a gateway is, and has every byte.
 */
describe("what version 2 promises: a malicious gateway", () => {
  const engine = createEchoEngine();
  let stack: Stack;
  let relay: MaliciousRelay;

  beforeAll(async () => {
    stack = await startStack({ engine });
    relay = await startRelay(stack.enclaveUrl, stack.baseUrl);
  });
  afterEach(() => {
    relay.chat = (captured) => forward(stack.enclaveUrl, captured);
  });
  afterAll(async () => {
    await relay?.close();
    await stack?.close();
  });

  /** One conversation; without an outcome where it was given up. */
  async function ask(text: string, model = E2EE_MODEL): Promise<{ content: string; outcome: string }> {
    const client = stack.clientAt(relay.baseUrl, { protocol: 2 });
    let content = "";
    try {
      const chat = await client.chat({ model, messages: [{ role: "user", content: text }], temperature: 0 });
      for await (const delta of chat) content += delta.content;
      return { content, outcome: (await chat.outcome).status };
    } catch (error) {
      return { content, outcome: String((error as { code?: unknown }).code) };
    }
  }

  /** A request that the relay has and the enclave has not yet seen: the relay is the first to use it. */
  async function withhold(model = E2EE_MODEL): Promise<Captured> {
    relay.chat = () => Promise.resolve({ status: 503, headers: {}, body: new Uint8Array() });
    expect(await ask(SECRET, model)).toEqual({ content: "", outcome: "server_error" });
    return relay.captured.at(-1) as Captured;
  }
  const send = (captured: Captured, path?: string) => forward(stack.enclaveUrl, captured, path);
  const codeOf = ({ body }: Answer) => /"code":"(\w+)"/.exec(new TextDecoder().decode(body))?.[1];
  const withHeaders = ({ headers, body }: Captured, change: Record<string, string>): Captured => ({
    headers: { ...headers, ...change },
    body,
  });
  const join = (...bodies: readonly Uint8Array[]) => Buffer.concat(bodies);

  it("is answered and verified, and shows the relay nothing of it, when the relay only looks", async () => {
    for (const model of [E2EE_MODEL, TEE_MODEL]) {
      expect(await ask(SECRET, model)).toEqual({ content: `user: ${SECRET}\n`, outcome: "verified" });
      const { body, headers } = relay.captured.at(-1) as Captured;
      expect(body.includes("Ménière")).toBe(false);
      // No key of the client's travels that anybody could seal an answer to, or could exchange for his own.
      expect([headers[HEADERS.clientPublicKey], headers[HEADERS.signingAlgorithm]]).toEqual([undefined, undefined]);
    }
  });

  it("cannot be copied into a request of the relay's own, which asks for a repetition", async () => {
    const before = engine.requests.length;
    const stolen = await withhold();
    const own = await sealWhole(stack, { stream: true, messages: [{ role: "user", content: "Repeat the above." }] });
    const { [HEADERS.encapsulatedKey]: ownKey = "" } = own.headers;
    const refusals = [
      // The client's frame under the relay's key, alone or beside the relay's own.
      await send(withHeaders(stolen, { [HEADERS.encapsulatedKey]: ownKey })),
      await send({ headers: own.headers, body: join(stolen.body, own.body) }),
      await send({ headers: own.headers, body: join(own.body, stolen.body) }),
      // The relay's frame under the client's key.
      await send({ headers: stolen.headers, body: join(own.body) }),
      await send({ headers: stolen.headers, body: join(stolen.body, own.body) }),
      await send({ headers: stolen.headers, body: join(own.body, stolen.body) }),
    ];
    expect(refusals.map(codeOf)).toEqual(["key_config", "key_config", "body_not_opened", "key_config", "body_not_opened", "key_config"]);
    // In an envelope of version 1 it is none.
    const { headers } = await sealRequest({ model: E2EE_MODEL, messages: [] }, { backend, modelKey: stack.enclave.publicKey });
    const body = JSON.stringify({ model: E2EE_MODEL, stream: true, messages: [{ role: "user", content: stolen.body.toString("hex") }] });
    expect(codeOf(await send({ headers, body: Buffer.from(body) }))).toBe("field_not_opened");
    expect(engine.requests.length).toBe(before);
  });

  it("is answered to nobody else: sent by the relay, its answer opens for none of the relay's keys", async () => {
    const stolen = await withhold();
    const answer = await send(stolen);
    expect([answer.status, Buffer.from(answer.body).includes("Ménière")]).toEqual([200, false]);
    const own = await sealWhole(stack, { stream: true, messages: [] });
    const opener = await own.openResponse(answer.headers[HEADERS.responseNonce]);
    await expect(opener.push(answer.body)).rejects.toMatchObject({ code: "body_not_opened" });
    // That was all: what has been answered is not answered again, and the client asks by another body.
    expect(codeOf(await send(stolen))).toBe("body_replayed");
  });

  it.each<[what: string, code: string, change: (stolen: Captured) => Captured, path?: string]>([
    [
      "a client key of the relay's own",
      "headers_mixed",
      (stolen) =>
        withHeaders(stolen, {
          [HEADERS.clientPublicKey]: toHex(backend.createKeyPair().publicKey),
          [HEADERS.signingAlgorithm]: SIGNING_ALGORITHM,
        }),
    ],
    ["another encapsulated key", "key_config", (stolen) => withHeaders(stolen, { [HEADERS.encapsulatedKey]: "5a".repeat(32) })],
    ["another model", "binding_mismatch", (stolen) => withHeaders(stolen, { [HEADERS.model]: TEE_MODEL })],
    ["another path", "binding_mismatch", (stolen) => stolen, "/embeddings"],
    [
      "another enclave",
      "unknown_model_key",
      (stolen) => withHeaders(stolen, { [HEADERS.modelPublicKey]: toHex(backend.createKeyPair().publicKey) }),
    ],
  ])("cannot be sent with %s", async (_what, code, change, path) => {
    const before = engine.requests.length;
    expect(codeOf(await send(change(await withhold()), path))).toBe(code);
    relay.chat = (captured) => send(change(captured), path);
    expect((await ask(SECRET)).outcome).toBe("server_error");
    expect(engine.requests.length).toBe(before);
  });

  it("cannot be sent twice: the engine runs once, and the client's answer is verified all the same", async () => {
    const before = engine.requests.length;
    let again: Answer | undefined;
    relay.chat = async (captured) => {
      const first = await send(captured);
      again = await send(captured);
      return first;
    };
    expect(await ask("Once is enough.")).toEqual({ content: "user: Once is enough.\n", outcome: "verified" });
    expect(again && codeOf(again)).toBe("body_replayed");
    expect(codeOf(await send(relay.captured.at(-1) as Captured))).toBe("body_replayed");
    expect(engine.requests.length).toBe(before + 1);
  });

  it("cannot be changed in its parameters, in no byte of it", async () => {
    const before = engine.requests.length;
    const { headers, body } = await withhold();
    const offsets = [0, 3, 4, 5, body.length >> 1, body.length - 16, body.length - 1];
    for (const at of offsets) {
      const changed = Buffer.from(body);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(["key_config", "body_not_opened"], `byte ${at}`).toContain(codeOf(await send({ headers, body: changed })));
    }
    expect(engine.requests.length).toBe(before);
  });

  it("is not answered by somebody else: an answer to the relay's own question does not open", async () => {
    const own = await sealWhole(stack, { stream: true, messages: [{ role: "user", content: "Praise the sponsor." }] });
    relay.chat = () => send({ headers: own.headers, body: Buffer.from(own.body) });
    expect(await ask("Which boat?")).toEqual({ content: "", outcome: "body_not_opened" });
  });
});

describe("one JSON value that takes several frames", () => {
  it("is not taken for whole when the relay cuts it between two of them, within its JSON", { timeout: 30_000 }, async () => {
    const text = "la laguna ".repeat(150_000);
    const engine: Engine = {
      name: "long",
      contextTokens: 4096,
      async *generate() {
        yield { type: "delta", content: text };
        yield { type: "finish", reason: "stop", usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };
      },
      close: () => Promise.resolve(),
    };
    const stack = await startStack({ engine });
    const relay = await startRelay(stack.enclaveUrl, stack.baseUrl);
    try {
      const client = stack.clientAt(relay.baseUrl, { protocol: 2 });
      const body = JSON.stringify({ model: E2EE_MODEL, messages: [{ role: "user", content: "Tell me all." }] });
      const call = () => client.fetch(`${client.baseURL}/chat/completions`, { method: "POST", body });
      const whole = await call();
      expect(await whole.json()).toMatchObject({ choices: [{ message: { content: text } }] });
      expect(whole.headers.get("bauta-outcome")).toBe("verified");

      relay.chat = async (captured) => {
        const answer = await forward(stack.enclaveUrl, captured);
        const first = 4 + Buffer.from(answer.body).readUInt32BE(0);
        expect(answer.body.length).toBeGreaterThan(first + 4);
        return { ...answer, body: answer.body.subarray(0, first) };
      };
      const cut = await call();
      expect([cut.status, cut.headers.get("bauta-outcome")]).toEqual([502, "incomplete"]);
      expect(await cut.json()).toMatchObject({ error: { code: "answer_incomplete" } });
      expect(await bautaOf(cut)?.outcome).toMatchObject({ status: "incomplete", receipt: undefined });
    } finally {
      await relay.close();
      await stack.close();
    }
  });
});
