import { connect } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { EngineEvent } from "./engine/engine.ts";
import { createIndependentClient, sealText } from "./testing/independent-client.ts";
import { scriptedEngine, sealedHeaders, startEnclave, testPlatform, USAGE } from "./testing/running-enclave.ts";

const CANARY = "canary-7f3a-prompt";

describe("a canary", () => {
  it("in prompts, answers, headers, queries and the engine's errors is in no log line at trace level", async () => {
    let lines = "";
    const log = { level: "trace", stream: { write: (line: string) => void (lines += line) } };
    let mode: "answer" | "fail" | "fail-late" = "answer";
    const engine = scriptedEngine(async function* (): AsyncGenerator<EngineEvent, void, undefined> {
      if (mode === "fail") throw new Error(`engine quotes ${CANARY}`);
      yield await Promise.resolve<EngineEvent>({ type: "delta", content: CANARY });
      if (mode === "fail-late") throw new SyntaxError(`parser quotes ${CANARY}`);
      yield { type: "finish", reason: "stop", usage: USAGE };
    });
    const platform = { ...testPlatform, quote: () => Promise.reject(new Error(CANARY)) };
    const { url, modelKeyHex, post } = await startEnclave(engine, { log, platform });
    const answers: string[] = [];
    const send = async (body: unknown, headers: Record<string, string> = {}): Promise<void> => {
      const response = await post(body, { "x-anything": CANARY, authorization: `Bearer ${CANARY}`, ...headers });
      if (response.status !== 200) answers.push(await response.text());
      else await response.text();
    };
    const plain = { model: "tee-demo", messages: [{ role: "user", content: CANARY }] };
    const sealed = { model: "e2ee-demo", messages: [{ role: "user", content: sealText(CANARY, modelKeyHex) }], stream: true };
    const headers = sealedHeaders(modelKeyHex, createIndependentClient().publicKeyHex);
    for (mode of ["answer", "fail", "fail-late"] as const) {
      await send(plain);
      await send({ ...plain, stream: true });
      await send(sealed, headers);
    }
    // Everything that goes wrong on the way in.
    await send(`{"model":"tee-demo","messages":"${CANARY}`);
    await send({ model: CANARY, messages: [] });
    await send({ ...plain, [CANARY]: 1, stop: 5 });
    await send({ ...sealed, messages: [{ role: "user", content: CANARY }] }, headers);
    await send(sealed, { ...headers, "x-venice-tee-client-pub-key": CANARY });
    await send(plain, { "bauta-nonce": CANARY });
    await send(plain, { "content-type": `text/${CANARY}` });
    for (const path of [
      `/${CANARY}`,
      `/%ZZ${CANARY}`,
      `/v1/tee/attestation?model=tee-demo&nonce=${CANARY}`,
      `/v1/tee/signature?model=tee-demo&request_id=${CANARY}`,
      `/healthz?${CANARY}`,
    ]) {
      const response = await fetch(url + path, { headers: { "x-anything": CANARY } });
      if (response.status !== 200) answers.push(await response.text());
    }
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(`${CANARY}\r\n\r\n`);
    await once(socket, "data");
    socket.destroy();

    expect(lines).toContain('"outcome":"finished"');
    expect(lines).toContain("request failed");
    expect(lines).toContain("answer failed");
    expect(lines).not.toContain(CANARY);
    expect(answers.length).toBeGreaterThan(12);
    expect(answers.join()).not.toContain(CANARY);
  });
});
