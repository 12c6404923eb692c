import { describe, expect, it } from "vitest";
import { EngineError, type EngineEvent } from "../engine/engine.ts";
import { createEhbpClient, frameSizes } from "../testing/ehbp-client.ts";
import {
  gate,
  type Script,
  sayHello,
  scriptedEngine,
  startEnclave,
  testPlatform,
  untilAborted,
  USAGE,
} from "../testing/running-enclave.ts";

const body = (stream: boolean) => ({ model: "e2ee-demo", messages: [{ role: "user", content: "hi" }], stream });

async function send(script: Script, stream: boolean, options: Parameters<typeof startEnclave>[1] = {}) {
  const engine = scriptedEngine(script);
  const { url, enclave } = await startEnclave(engine, options);
  const client = await createEhbpClient({ url });
  const sealed = await client.seal(body(stream));
  const controller = new AbortController();
  const response = fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "ehbp-encapsulated-key": sealed.encapsulatedKey, "bauta-model": "e2ee-demo" },
    body: sealed.bytes,
    signal: controller.signal,
  });
  const receiptStatus = async (answered: Response) =>
    (await fetch(`${url}/v1/tee/signature?model=e2ee-demo&request_id=${answered.headers.get("bauta-request-id")}`)).status;
  const openText = async (answered: Response, bytes: Uint8Array<ArrayBuffer>) =>
    Buffer.from(await sealed.open(bytes, answered.headers.get("ehbp-response-nonce") as string)).toString();
  return { engine, enclave, response, controller, receiptStatus, openText };
}

const fail = (thrown: Error, after: readonly EngineEvent[] = []): Script =>
  async function* () {
    for (const event of after) yield await Promise.resolve(event);
    throw thrown;
  };

describe("a sealed answer that is not whole", () => {
  it("is refused in clear while nothing was written", async () => {
    for (const stream of [true, false]) {
      const { response } = await send(fail(new EngineError("overloaded", { retryAfterSeconds: 7 })), stream);
      const refused = await response;
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).toBe("7");
      expect(refused.headers.get("ehbp-response-nonce")).toBeNull();
      expect(await refused.json()).toMatchObject({ error: { code: "overloaded" } });
    }
  });

  it("ends a stream with a sealed error: no [DONE], no receipt", async () => {
    const { response, receiptStatus, openText } = await send(fail(new Error("engine's words"), [{ type: "delta", content: "Hel" }]), true);
    const answered = await response;
    expect(answered.status).toBe(200);
    const bytes = new Uint8Array(await answered.arrayBuffer());
    expect(frameSizes(bytes)).toHaveLength(3);
    const text = await openText(answered, bytes);
    expect(text).toContain('"content":"Hel"');
    expect(text).toContain('data: {"error":{"message":"The server failed to handle this request"');
    expect(text).not.toContain("[DONE]");
    expect(text).not.toContain("engine's words");
    expect(await receiptStatus(answered)).toBe(404);
  });

  it("gives no receipt for an answer that never finished", async () => {
    const script: Script = async function* () {
      yield await Promise.resolve<EngineEvent>({ type: "delta", content: "Hel" });
    };
    expect((await (await send(script, false)).response).status).toBe(502);
    const { response, receiptStatus, openText } = await send(script, true);
    const answered = await response;
    expect(await openText(answered, new Uint8Array(await answered.arrayBuffer()))).toContain('"code":"engine_failed"');
    expect(await receiptStatus(answered)).toBe(404);
  });

  it("stops the engine when the client hangs up, streamed or whole", async () => {
    const script: Script = async function* (_, signal) {
      yield await Promise.resolve<EngineEvent>({ type: "delta", content: "Hel" });
      await untilAborted(signal);
    };
    const streamed = await send(script, true);
    const answered = await streamed.response;
    await answered.body?.getReader().read();
    streamed.controller.abort();
    await streamed.engine.released;
    expect(await streamed.receiptStatus(answered)).toBe(404);

    const whole = await send(script, false);
    await whole.engine.began;
    whole.controller.abort();
    await expect(whole.response).rejects.toThrow();
    await whole.engine.released;
  });

  it("is cut with a sealed error when the enclave shuts down", async () => {
    const { response, enclave, openText } = await send(async function* (_, signal) {
      yield await Promise.resolve<EngineEvent>({ type: "delta", content: "Hel" });
      await untilAborted(signal);
    }, true);
    const answered = await response;
    const closing = enclave.close();
    const text = await openText(answered, new Uint8Array(await answered.arrayBuffer()));
    await closing;
    expect(text).toContain('"code":"shutting_down"');
    expect(text).not.toContain("[DONE]");
  });
});

describe("a sealed stream", () => {
  it("sends each event as it comes, before the engine goes on", async () => {
    const next = gate();
    const { response, openText } = await send(async function* () {
      yield await Promise.resolve<EngineEvent>({ type: "delta", content: "one" });
      await next.promise;
      yield { type: "delta", content: "two" };
      yield { type: "finish", reason: "stop", usage: USAGE };
    }, true);
    const answered = await response;
    const reader = (answered.body as ReadableStream<Uint8Array>).getReader();
    const parts: Uint8Array[] = [];
    const read = async (): Promise<boolean> => {
      const { done, value } = await reader.read();
      if (value) parts.push(value);
      return !done;
    };
    while (frameCount(parts) < 2) await read();
    expect(await openText(answered, new Uint8Array(Buffer.concat(parts)))).toContain('"content":"one"');
    next.resolve();
    while (await read());
    expect(frameCount(parts)).toBe(5);
  });

  it("leaves reasoning out when asked", async () => {
    const engine = scriptedEngine(sayHello);
    const { url } = await startEnclave(engine);
    const { transport } = await createEhbpClient({ url });
    const asked = JSON.stringify({ ...body(true), venice_parameters: { strip_thinking_response: true } });
    const text = await (await transport.post(`${url}/v1/chat/completions`, asked, { headers: { "bauta-model": "e2ee-demo" } })).text();
    expect(text).toContain("Hello");
    expect(text).not.toContain("thinking");
  });
});

describe("a canary in sealed bodies", () => {
  const CANARY = "canary-51c2-sealed";

  it("is in no log line at trace level, and in no answer in clear", async () => {
    let lines = "";
    let mode: "answer" | "fail" | "fail-late" = "answer";
    const engine = scriptedEngine(async function* (): AsyncGenerator<EngineEvent, void, undefined> {
      if (mode === "fail") throw new Error(`engine quotes ${CANARY}`);
      yield await Promise.resolve<EngineEvent>({ type: "delta", content: CANARY, toolCalls: [{ index: 0, id: CANARY, name: CANARY }] });
      if (mode === "fail-late") throw new SyntaxError(`parser quotes ${CANARY}`);
      yield { type: "finish", reason: "stop", usage: USAGE };
    });
    const { url } = await startEnclave(
      {
        ...engine,
        features: { tools: true, embeddings: true },
        embed: () => Promise.reject(new Error(`engine quotes ${CANARY}`)),
      },
      { log: { level: "trace", stream: { write: (line: string) => void (lines += line) } }, platform: testPlatform },
    );
    const client = await createEhbpClient({ url });
    const clear: string[] = [];
    async function post(path: string, plaintext: unknown, headers: Record<string, string> = {}): Promise<void> {
      const { encapsulatedKey, bytes } = await client.seal(plaintext);
      const response = await fetch(`${url}/v1/${path}`, {
        method: "POST",
        headers: { "ehbp-encapsulated-key": encapsulatedKey, "bauta-model": "e2ee-demo", "x-anything": CANARY, ...headers },
        body: bytes,
      });
      clear.push(JSON.stringify([...response.headers]) + Buffer.from(await response.arrayBuffer()).toString("latin1"));
    }
    const messages = [{ role: "user", content: CANARY }];
    for (mode of ["answer", "fail", "fail-late"] as const) {
      for (const stream of [true, false]) await post("chat/completions", { model: "e2ee-demo", messages, stream, user: CANARY });
    }
    await post("embeddings", { model: "e2ee-demo", input: CANARY });
    await post("embeddings", { model: "e2ee-demo", input: [CANARY, 1] });
    // Everything that goes wrong on the way in.
    await post("chat/completions", `{"model":"${CANARY}`);
    await post("chat/completions", { model: CANARY, messages });
    await post("chat/completions", { model: "e2ee-demo", messages, bauta: { method: CANARY } });
    await post("chat/completions", { model: "e2ee-demo", messages, bauta: CANARY });
    await post("chat/completions", { model: "e2ee-demo", messages, tools: [{ type: CANARY }] });
    await post("chat/completions", { model: "e2ee-demo", messages, tools: [{ type: "function", function: { name: `${CANARY} !` } }] });
    await post("chat/completions", { model: "e2ee-demo", messages, tool_choice: CANARY, response_format: { type: CANARY } });
    await post("chat/completions", { model: "e2ee-demo", messages, [`echo_${CANARY}`]: 1, [`chat_template_${CANARY}`]: 1 });
    await post("chat/completions", { model: "e2ee-demo", messages: [{ role: "user", content: [{ type: CANARY, [CANARY]: CANARY }] }] });
    await post("chat/completions", { model: "e2ee-demo", messages }, { "bauta-model": CANARY });
    await post("chat/completions", { model: "e2ee-demo", messages }, { "ehbp-encapsulated-key": CANARY });

    expect(lines).toContain('"outcome":"finished"');
    expect(lines).toContain("answer failed");
    expect(lines).not.toContain(CANARY);
    expect(clear).toHaveLength(19);
    expect(clear.join()).not.toContain(CANARY);
  });
});

function frameCount(parts: readonly Uint8Array[]): number {
  const bytes = Buffer.concat(parts);
  let count = 0;
  for (let at = 0; at + 4 <= bytes.length; count++) {
    at += 4 + bytes.readUInt32BE(at);
    if (at > bytes.length) break;
  }
  return count;
}
