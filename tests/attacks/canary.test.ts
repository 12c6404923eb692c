import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createClient, parsePemCertificates } from "@bauta/client";
import { findText } from "@bauta/conformance";
import { type Engine, EngineError } from "@bauta/enclave";
import { HEADERS, LIMITS, toHex, WIRE_ERRORS } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { sealRequest } from "@bauta/protocol/client";
import { createBodyKey } from "@bauta/protocol/enclave";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startDemoProcess } from "../support/demo.ts";
import { startScriptedEngine } from "../support/scripted-engine.ts";
import { startGatewayProcess } from "./gateway-process.ts";
import { E2EE_MODEL, type Stack, startStack, TEE_MODEL } from "./private-stack.ts";
import { sealWhole, type SealWholeOptions } from "./seal-whole.ts";

/** Words that stand in one prompt, or one answer, and in no other place. */
const PROMPT = `prompt-canary-${randomBytes(12).toString("hex")}`;
const ANSWER = `answer-canary-${randomBytes(12).toString("hex")}`;
/** The same where only letters could stand. */
const LETTERS = Array.from(randomBytes(24), (byte) => String.fromCharCode(97 + (byte % 26))).join("");

/** Where a canary shows: nowhere, one hopes. */
function sightings(where: string, bytes: Uint8Array | string): string[] {
  return [PROMPT, ANSWER, LETTERS].flatMap((canary) => {
    const form = findText(Buffer.from(bytes), canary);
    return form === undefined ? [] : [`${canary.slice(0, 13)} in ${where} (${form})`];
  });
}

/** Sends bytes that need not be HTTP; returns all that came back. */
async function exchangeBytes(port: number, bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(bytes);
  return text(socket);
}

/** An engine that answers with a canary, or fails as it is told, in words that repeat the prompt. */
function createFailingEngine(): Engine & { fail: "not" | "at once" | "in the middle" | EngineError } {
  const engine: Engine & { fail: "not" | "at once" | "in the middle" | EngineError } = {
    name: "scripted",
    contextTokens: 4096,
    fail: "not",
    async *generate({ messages }) {
      const words = `cannot answer "${messages.map(({ content }) => content).join()}" with ${ANSWER}`;
      if (engine.fail === "at once") throw new Error(words);
      if (engine.fail instanceof EngineError) throw engine.fail;
      yield { type: "delta", reasoning: `thinking of ${ANSWER}` };
      if (engine.fail === "in the middle") throw new Error(words);
      yield { type: "delta", content: ANSWER };
      yield { type: "finish", reason: "stop", usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };
    },
    close: () => Promise.resolve(),
  };
  return engine;
}

describe("a canary in prompt and answer", () => {
  const engine = createFailingEngine();
  let stack: Stack;
  /** Every error that a caller could provoke, as received. */
  const errors: { readonly what: string; readonly code: string; readonly received: string }[] = [];

  beforeAll(async () => {
    stack = await startStack({ engine });
  });
  afterAll(() => stack?.close());

  async function provoke(what: string, path: string, init: RequestInit = {}, base = ""): Promise<void> {
    const response =
      base === ""
        ? await stack.fetch(path, init)
        : await fetch(base + path, {
            ...init,
            headers: { "content-type": "application/json", ...(init.headers as Record<string, string>) },
          });
    const body = await response.text();
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    // An answer in plaintext may begin before its engine fails; what it said till then is no error.
    const said = body.slice(Math.max(0, body.indexOf(init.headers === undefined ? '{"error"' : "")));
    const found = /"error":\{.*?"code":"(\w+)"/.exec(body)?.[1];
    expect(found, `${what}: ${response.status}`).toBeDefined();
    errors.push({ what, code: found ?? "", received: `${headers}\n${said}` });
  }
  const messages = [{ role: "user", content: PROMPT }];
  const json = (body: unknown): RequestInit => ({ method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });
  async function sealed(
    change: object = {},
    headers: Record<string, string> = {},
    modelKey = stack.enclave.publicKey,
  ): Promise<RequestInit> {
    const request = await sealRequest({ model: E2EE_MODEL, messages }, { backend, modelKey });
    return {
      ...json({ ...(JSON.parse(new TextDecoder().decode(request.body)) as object), ...change }),
      headers: { ...request.headers, [HEADERS.modelPublicKey]: toHex(stack.enclave.publicKey), ...headers },
    };
  }

  it("is in no answer to a mistake, whatever the mistake and wherever the canary stood", { timeout: 30_000 }, async () => {
    const chat = "/chat/completions";
    const plain = { model: TEE_MODEL, messages };
    // Told by the gateway
    await provoke("no key", "/models", { headers: { authorization: `Bearer ${PROMPT}` } });
    await provoke("unknown path", `/${PROMPT}`);
    await provoke("unknown method", `/models?${PROMPT}`, { method: "DELETE" });
    await provoke("unknown model", chat, json({ model: PROMPT, messages }));
    await provoke("unknown receipt", `/tee/signature?model=${TEE_MODEL}&request_id=${PROMPT}`);
    await provoke("bad nonce", `/tee/attestation?model=${E2EE_MODEL}&nonce=${PROMPT}`);
    await provoke("bad encoding of the quote", `/tee/attestation?model=${TEE_MODEL}&nonce=${PROMPT}&quote_encoding=${PROMPT}`);
    await provoke("bad JSON", chat, json(`{"model":"${TEE_MODEL}","messages":[{"content":"${PROMPT}`));
    await provoke("not JSON at all", chat, json(PROMPT));
    await provoke("no model", chat, json({ messages }));
    await provoke("other media type", chat, { ...json(PROMPT), headers: { "content-type": `text/${PROMPT}` } });
    await provoke("compressed", chat, { ...json(plain), headers: { "content-encoding": PROMPT } });
    await provoke("too large", chat, json({ ...plain, padding: PROMPT.repeat(LIMITS.requestBodyBytes / PROMPT.length + 1) }));
    await provoke("bad model key", chat, await sealed({}, { [HEADERS.modelPublicKey]: PROMPT }));
    await provoke("unknown model key", chat, await sealed({}, { [HEADERS.modelPublicKey]: toHex(backend.createKeyPair().publicKey) }));
    // Told by the enclave
    await provoke("no sealed headers", chat, json({ ...plain, model: E2EE_MODEL, stream: true }));
    await provoke("half the headers", chat, {
      ...json({ ...plain, model: E2EE_MODEL, stream: true }),
      headers: { [HEADERS.clientPublicKey]: toHex(backend.createKeyPair().publicKey) },
    });
    await provoke("sealed headers for a plain model", chat, await sealed({ model: TEE_MODEL }));
    await provoke("bad algorithm", chat, await sealed({}, { [HEADERS.signingAlgorithm]: PROMPT }));
    await provoke("bad client key", chat, await sealed({}, { [HEADERS.clientPublicKey]: PROMPT }));
    await provoke("bad client nonce", chat, await sealed({}, { [HEADERS.nonce]: PROMPT }));
    await provoke("plaintext", chat, await sealed({ messages }));
    await provoke("not opened", chat, await sealed({}, {}, backend.createKeyPair().publicKey));
    await provoke("not streamed", chat, await sealed({ stream: false }));
    await provoke("unsealable", chat, await sealed({ documents: [PROMPT] }));
    await provoke("choices", chat, await sealed({ n: 2 }));
    await provoke("web search", chat, await sealed({ venice_parameters: { enable_web_search: PROMPT } }));
    await provoke("parts", chat, await sealed({ messages: [{ role: "user", content: [{ type: "text", text: PROMPT }] }] }));
    await provoke("tools", chat, await sealed({ tools: [{ type: "function", function: { name: PROMPT } }] }));
    await provoke("response format", chat, json({ ...plain, response_format: { type: PROMPT } }));
    await provoke("temperature", chat, json({ ...plain, temperature: PROMPT }));
    await provoke("role", chat, json({ ...plain, messages: [{ role: PROMPT, content: PROMPT }] }));
    await provoke("no messages", chat, json({ model: TEE_MODEL }));
    for (const stream of [true, false]) {
      engine.fail = "at once";
      await provoke("the engine fails at once", chat, json({ ...plain, stream }));
      if (stream) await provoke("the engine fails at once, sealed", chat, await sealed());
      engine.fail = "in the middle";
      await provoke("the engine fails in the middle", chat, json({ ...plain, stream }));
      if (stream) await provoke("the engine fails in the middle, sealed", chat, await sealed());
    }
    for (const code of ["unreachable", "failed", "overloaded", "context-length", "conversation"] as const) {
      engine.fail = new EngineError(code);
      await provoke(`the engine says ${code}`, chat, json(plain));
    }
    engine.fail = "not";
    // Sealed whole, and told by the gateway or by the enclave
    const whole = async (options: SealWholeOptions = {}, headers: Record<string, string> = {}, request: object = { messages }) => {
      const { path: _path, openResponse: _open, body, ...rest } = await sealWhole(stack, request, options);
      return { method: "POST", body, headers: { ...rest.headers, ...headers } };
    };
    await provoke("embeddings in clear", "/embeddings", json({ model: TEE_MODEL, input: PROMPT }));
    await provoke("both kinds of headers", chat, await whole({}, { [HEADERS.clientPublicKey]: PROMPT }));
    await provoke("not sealed at all", chat, { ...(await whole()), body: JSON.stringify(plain) });
    await provoke("bad encapsulated key", chat, await whole({}, { [HEADERS.encapsulatedKey]: PROMPT }));
    await provoke("another model beside the body", chat, await whole({}, { [HEADERS.model]: TEE_MODEL }));
    await provoke("unknown model beside the body", chat, await whole({}, { [HEADERS.model]: PROMPT }));
    await provoke("another enclave's key", chat, await whole({ keyConfig: (await createBodyKey(backend)).keyConfig }));
    await provoke("another path", chat, await whole({ path: `/${PROMPT}` }));
    await provoke("an old request", chat, await whole({ nowMs: 0 }));
    const sentTwice = await whole();
    expect(await (await stack.fetch(chat, sentTwice)).text()).not.toContain(ANSWER);
    await provoke("a request sent twice", chat, sentTwice);
    const sealedMistakes: readonly (readonly [what: string, change: object | string])[] = [
      ["a binding with another member", { bauta: { [PROMPT]: PROMPT } }],
      ["a member whose name tells something", { [`chat_template_${LETTERS}`]: PROMPT }],
      ["a role", { messages: [{ role: PROMPT, content: PROMPT }] }],
      ["a kind of part", { messages: [{ role: "user", content: [{ type: PROMPT, [PROMPT]: PROMPT }] }] }],
      [
        "an image by address",
        { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: `https://x/${PROMPT}` } }] }] },
      ],
      ["a tool", { tools: [{ type: "function", function: { name: PROMPT, description: PROMPT } }] }],
      ["a kind of tool", { tools: [{ type: PROMPT, [PROMPT]: {} }] }],
      ["a choice of tools", { tool_choice: { type: "function", function: { name: PROMPT } } }],
      ["a response format", { response_format: { type: PROMPT } }],
      ["a schema", { response_format: { type: "json_schema", json_schema: { name: PROMPT, schema: { $ref: PROMPT } } } }],
      ["no JSON", `{"model":"${E2EE_MODEL}","${PROMPT}`],
    ];
    for (const [what, change] of sealedMistakes) {
      const edit: SealWholeOptions["edit"] = (bound) => (typeof change === "string" ? change : { ...bound, ...change });
      await provoke(`${what}, sealed whole`, chat, await whole({ edit }));
    }
    await provoke("no input, sealed whole", "/embeddings", await whole({ path: "/embeddings" }, {}, { input: { [PROMPT]: PROMPT } }));
    for (const stream of [true, false]) {
      engine.fail = "at once";
      await provoke("the engine fails at once, sealed whole", chat, await whole({}, {}, { messages, stream }));
      engine.fail = "not";
    }
    // The enclave itself, where no gateway stands before it
    await provoke("unknown path, enclave", `/${PROMPT}`, {}, stack.enclaveUrl);
    await provoke("unknown model, enclave", "/v1/chat/completions", json({ model: PROMPT, messages }), stack.enclaveUrl);
    await provoke("bad JSON, enclave", "/v1/chat/completions", json(`{"${PROMPT}`), stack.enclaveUrl);
    // What is no request at all
    for (const url of [stack.baseUrl, stack.enclaveUrl]) {
      for (const [what, bytes] of [
        ["no HTTP", `${PROMPT} ${PROMPT}\r\n\r\n`],
        ["long headers", `GET /v1/models HTTP/1.1\r\nhost: x\r\nx-long: ${PROMPT.repeat(1000)}\r\n\r\n`],
      ] as const) {
        const received = await exchangeBytes(Number(new URL(url).port), bytes);
        errors.push({ what, code: /"code":"(\w+)"/.exec(received)?.[1] ?? "", received });
      }
    }
    await provoke("bad nonce, enclave", `/v1/tee/attestation?model=${E2EE_MODEL}&nonce=${PROMPT}`, {}, stack.enclaveUrl);

    // Errors that the fault of an enclave causes are in page-errors.test.ts; those of load and time need neither prompt.
    const elsewhere = new Set([
      "attestation_failed",
      "nonce_mismatch",
      "debug_mode",
      "request_timeout",
      "rate_limited",
      "internal",
      "enclave_unreachable",
      "unavailable",
      "shutting_down",
    ]);
    const provoked = new Set(errors.map(({ code }) => code));
    expect(Object.keys(WIRE_ERRORS).filter((code) => !provoked.has(code) && !elsewhere.has(code))).toEqual([]);
    expect(errors.flatMap(({ what, received }) => sightings(what, received))).toEqual([]);
  });

  it("is in no line that gateway or enclave log at trace level, nor is the API key", async () => {
    for (const model of [E2EE_MODEL, TEE_MODEL]) {
      const chat = await stack.client.chat({ model, messages: [{ role: "user", content: PROMPT }] }, { allowGatewayVisible: true });
      let shown = "";
      for await (const { content } of chat) shown += content;
      expect([shown, (await chat.outcome).status]).toEqual([ANSWER, "verified"]);
    }
    const log = stack.logs.join("\n");
    expect(log).toContain('"answered"');
    expect(log).toContain("/api/v1/chat/completions");
    expect(stack.logs.length).toBeGreaterThan(errors.length * 2);
    expect(sightings("the log", log)).toEqual([]);
    expect(findText(Buffer.from(log), stack.apiKey)).toBeUndefined();
  });

  it("is in no log line of a request that breaks off", async () => {
    const { port } = new URL(stack.baseUrl);
    const logged = stack.logs.length;
    const gone = httpRequest({
      port,
      method: "POST",
      path: "/api/v1/chat/completions",
      headers: { authorization: `Bearer ${stack.apiKey}`, "content-type": "application/json", "content-length": 10_000 },
    });
    gone.on("error", () => {});
    await new Promise((resolve) => gone.write(`{"model":"${TEE_MODEL}","messages":[{"role":"user","content":"${PROMPT}`, resolve));
    gone.destroy();
    await vi.waitFor(() => expect(stack.logs.length).toBeGreaterThan(logged));
    expect(sightings("the log", stack.logs.join("\n"))).toEqual([]);
  });
});

describe("a canary in the running demo", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "bauta-canary-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function filesIn(path: string): string[] {
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  }

  it.each([
    ["an engine by URL, which answers with one", true],
    ["llama.cpp", false],
  ])("is in no file that it writes and in none of its words, at trace level: %s", { timeout: 30_000 }, async (_engine, scripted) => {
    const engine = scripted ? await startScriptedEngine([ANSWER.slice(0, 10), ANSWER.slice(10)]) : undefined;
    const flags = ["--log-level", "trace", ...(engine ? ["--engine-url", engine.url] : [])];
    const demo = await startDemoProcess(flags, {
      TMPDIR: folder,
      XDG_CACHE_HOME: join(folder, "cache"),
      XDG_STATE_HOME: join(folder, "state"),
      HOME: folder,
    });
    let output = "";
    demo.process.stdout?.on("data", (bytes: Buffer) => (output += bytes.toString("latin1")));
    try {
      const client = createClient({
        baseURL: demo.gateway,
        apiKey: demo.apiKey,
        policy: JSON.parse(readFileSync(demo.policy, "utf8")) as object,
        trustRoots: parsePemCertificates(readFileSync(demo.trustRoot, "utf8")),
      });
      for (const model of demo.models) {
        const chat = await client.chat(
          { model, messages: [{ role: "user", content: PROMPT }], max_tokens: 24 },
          { allowGatewayVisible: true },
        );
        let shown = "";
        for await (const { content } of chat) shown += content;
        expect((await chat.outcome).status).toBe("verified");
        if (engine) expect(shown).toBe(ANSWER);
      }
      // And one that the enclave refuses.
      await fetch(`${demo.gateway}/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${demo.apiKey}`, "content-type": "application/json" },
        body: JSON.stringify({ model: demo.models[0], messages: [{ role: PROMPT, content: PROMPT }] }),
      });
      const files = filesIn(folder);
      expect(files.length).toBeGreaterThanOrEqual(2);
      expect(files.flatMap((file) => sightings(file.slice(folder.length), readFileSync(file)))).toEqual([]);
    } finally {
      await demo.stop();
      await engine?.close();
    }
    expect(demo.log()).toContain('"answered"');
    expect(sightings("its standard error", demo.log())).toEqual([]);
    expect(sightings("its standard output", output)).toEqual([]);
    expect(findText(Buffer.from(demo.log()), demo.apiKey)).toBeUndefined();
    expect(filesIn(folder).flatMap((file) => sightings(file.slice(folder.length), readFileSync(file)))).toEqual([]);
  });
});

describe("a canary in the gateway's memory", () => {
  it.each([E2EE_MODEL, TEE_MODEL])(
    "is in no heap snapshot, taken while the answer is under way: %s",
    { timeout: 60_000 },
    async (model) => {
      let goOn: () => void = () => {};
      const halfway = new Promise<void>((resolve) => (goOn = resolve));
      const engine: Engine = {
        name: "scripted",
        contextTokens: 4096,
        async *generate() {
          yield { type: "delta", content: ANSWER };
          await halfway;
          yield { type: "delta", content: "." };
          yield { type: "finish", reason: "stop", usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } };
        },
        close: () => Promise.resolve(),
      };
      const gateway = await startGatewayProcess(engine, [E2EE_MODEL, TEE_MODEL]);
      try {
        const chat = await gateway.client.chat({ model, messages: [{ role: "user", content: PROMPT }] }, { allowGatewayVisible: true });
        let shown = "";
        for await (const { content } of chat) {
          shown += content;
          if (content !== ANSWER) continue;
          const snapshot = await gateway.takeHeapSnapshot();
          // What the gateway does hold is found, so the search would find more.
          expect(findText(snapshot, model)).toBeDefined();
          expect(sightings("the heap snapshot", snapshot)).toEqual([]);
          goOn();
        }
        expect([shown, (await chat.outcome).status]).toEqual([`${ANSWER}.`, "verified"]);
        expect(sightings("its standard error", gateway.log())).toEqual([]);
      } finally {
        goOn();
        await gateway.close();
      }
    },
  );
});
