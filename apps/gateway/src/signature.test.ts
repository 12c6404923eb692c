import type { ServerResponse } from "node:http";
import { createSimulator } from "@bauta/simulator";
import { afterEach, describe, expect, it } from "vitest";
import { answerJson, ScriptedEnclave, streamHeaders } from "./testing/scripted-enclave.ts";
import { postChat, readAll, startTestGateway } from "./testing/test-gateway.ts";

const simulator = createSimulator({ nowMs: Date.now() });
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.close();
});

async function start() {
  const enclave = await ScriptedEnclave.start(simulator);
  running.push({ close: () => enclave.kill() });
  const target = await startTestGateway(simulator, { "tee-test": [enclave.origin], "tee-other": [enclave.origin] });
  running.push({ close: () => target.gateway.close() });
  let asked = 0;
  enclave.chat = (_seen, response) => answerJson(response, 200, { id: "chatcmpl-1" }, streamHeaders("chatcmpl-1"));
  enclave.signature = (query) => {
    asked++;
    return { status: 200, body: { text: "aa:bb", signature: "0x00", model: query.get("model"), request_id: query.get("request_id") } };
  };
  const read = (query: string, key = target.alice) => target.fetch(`/api/v1/tee/signature?${query}`, { key });
  return { enclave, target, read, asked: () => asked };
}

describe("a receipt", () => {
  it("can be read right after the answer, and after its enclave is gone", async () => {
    const { enclave, target, read, asked } = await start();
    await readAll(await postChat(target, '{"model":"tee-test"}'));
    const answer = await read("model=tee-test&request_id=chatcmpl-1");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toContain("application/json");
    const text = await answer.text();
    expect(JSON.parse(text)).toEqual({ text: "aa:bb", signature: "0x00", model: "tee-test", request_id: "chatcmpl-1" });
    await enclave.kill();
    expect(await (await read("model=tee-test&request_id=chatcmpl-1")).text()).toBe(text);
    expect(asked()).toBe(1);
  });

  it("belongs to the key that made the request", async () => {
    const { target, read } = await start();
    await readAll(await postChat(target, '{"model":"tee-test"}'));
    expect((await read("model=tee-test&request_id=chatcmpl-1", target.bob)).status).toBe(404);
    expect((await read("model=tee-test&request_id=chatcmpl-1", "bauta_none")).status).toBe(401);
    expect((await read("model=tee-test&request_id=chatcmpl-1")).status).toBe(200);
  });

  it("is asked for again where the enclave did not have it yet", async () => {
    const { enclave, target, read } = await start();
    const { signature } = enclave;
    enclave.signature = () => ({ status: 404, body: { error: { code: "receipt_not_found" } } });
    await readAll(await postChat(target, '{"model":"tee-test"}'));
    expect((await read("model=tee-test&request_id=chatcmpl-1")).status).toBe(404);
    enclave.signature = signature;
    await expect.poll(async () => (await read("model=tee-test&request_id=chatcmpl-1")).status).toBe(200);
  });

  it("is not asked of the enclave again and again while the enclave has said that it is not there", async () => {
    const { enclave, target, read } = await start();
    let asked = 0;
    enclave.signature = () => {
      asked++;
      return { status: 404, body: { error: { code: "receipt_not_found" } } };
    };
    await readAll(await postChat(target, '{"model":"tee-test"}'));
    await expect.poll(() => asked).toBe(1);
    const startedMs = performance.now();
    let questions = 0;
    while (performance.now() - startedMs < 600) {
      expect((await read("model=tee-test&request_id=chatcmpl-1")).status).toBe(404);
      questions++;
    }
    expect(questions).toBeGreaterThan(10);
    expect(asked).toBeLessThanOrEqual(1 + 4);
  });

  it("is there right after the end for an owner who asked in vain during the answer", async () => {
    const { enclave, target, read } = await start();
    const { signature } = enclave;
    enclave.signature = () => ({ status: 404, body: { error: { code: "receipt_not_found" } } });
    const open = new Promise<ServerResponse>((settle) => {
      enclave.chat = (_seen, response) => {
        response.writeHead(200, streamHeaders("chatcmpl-1"));
        response.write("data: {}\n\n");
        settle(response);
      };
    });
    const answer = await postChat(target, '{"model":"tee-test"}');
    expect((await read("model=tee-test&request_id=chatcmpl-1")).status).toBe(404);
    enclave.signature = signature;
    (await open).end("data: [DONE]\n\n");
    await readAll(answer);
    expect((await read("model=tee-test&request_id=chatcmpl-1")).status).toBe(200);
  });

  it("is fetched anew at the end where a question from before the end was still under way", async () => {
    const { enclave, target, read, asked } = await start();
    const { signature } = enclave;
    let answerEarly: (() => void) | undefined;
    enclave.signature = () =>
      new Promise((settle) => (answerEarly = () => settle({ status: 404, body: { error: { code: "receipt_not_found" } } })));
    const open = new Promise<ServerResponse>((settle) => {
      enclave.chat = (_seen, response) => {
        response.writeHead(200, streamHeaders("chatcmpl-1"));
        response.write("data: {}\n\n");
        settle(response);
      };
    });
    const answer = await postChat(target, '{"model":"tee-test"}');
    const early = read("model=tee-test&request_id=chatcmpl-1");
    await expect.poll(() => answerEarly).toBeDefined();
    enclave.signature = signature;
    (await open).end("data: [DONE]\n\n");
    await readAll(answer);
    answerEarly?.();
    expect((await early).status).toBe(404);
    await expect.poll(asked).toBe(1);
    await enclave.kill();
    expect((await read("model=tee-test&request_id=chatcmpl-1")).status).toBe(200);
  });

  it("is asked for once more where the connection was being closed", async () => {
    const { enclave, target, read, asked } = await start();
    const { signature } = enclave;
    enclave.signature = () => {
      enclave.signature = signature;
      return "cut";
    };
    await readAll(await postChat(target, '{"model":"tee-test"}'));
    await expect.poll(asked).toBe(1);
    await enclave.kill();
    expect((await read("model=tee-test&request_id=chatcmpl-1")).status).toBe(200);
  });

  it("that was never fetched is a 503 once its enclave is gone, not a 404", async () => {
    const { enclave, target, read } = await start();
    enclave.signature = () => ({ status: 500, body: "boom" });
    await readAll(await postChat(target, '{"model":"tee-test"}'));
    await enclave.kill();
    const answer = await read("model=tee-test&request_id=chatcmpl-1");
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: { code: "enclave_unreachable" } });
  });

  it.each([
    ["model=tee-test&request_id=chatcmpl-2", 404, "receipt_not_found"],
    ["model=tee-other&request_id=chatcmpl-1", 404, "receipt_not_found"],
    ["model=tee-none&request_id=chatcmpl-1", 404, "model_not_found"],
    ["model=tee-test", 400, "missing_field"],
    ["request_id=chatcmpl-1", 400, "missing_field"],
    ["model=tee-test&request_id=chatcmpl-1&request_id=chatcmpl-1", 400, "invalid_field"],
    ["model=tee-test&request_id=__proto__", 404, "receipt_not_found"],
    [`model=tee-test&request_id=${"a".repeat(4000)}`, 404, "receipt_not_found"],
  ])("is not there for %.60s", async (query, status, code) => {
    const { target, read } = await start();
    await readAll(await postChat(target, '{"model":"tee-test"}'));
    const answer = await read(query);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { code } });
  });

  it("is not looked for under an id that an enclave made up to reach elsewhere", async () => {
    const { enclave, target, asked } = await start();
    enclave.chat = (_seen, response) => answerJson(response, 200, {}, { "bauta-request-id": "../models?x=" });
    await readAll(await postChat(target, '{"model":"tee-test"}'));
    enclave.chat = (_seen, response) => answerJson(response, 500, {}, { "bauta-request-id": "chatcmpl-9" });
    await readAll(await postChat(target, '{"model":"tee-test"}'));
    expect(asked()).toBe(0);
  });
});
