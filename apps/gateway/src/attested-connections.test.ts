import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { createSimulator } from "@bauta/simulator";
import { afterEach, describe, expect, it } from "vitest";
import { answerJson, type QuoteSource, ScriptedEnclave, streamHeaders } from "./testing/scripted-enclave.ts";
import { postChat, readAll, readText, startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const PROMPT = "a secret of the caller's";
const plain = (model = "tee-test") => JSON.stringify({ model, messages: [{ role: "user", content: PROMPT }] });
const simulator = createSimulator({ nowMs: Date.now() });
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.close();
});

async function startEnclave(port = 0, source: QuoteSource = simulator): Promise<ScriptedEnclave> {
  const enclave = await ScriptedEnclave.start(source, port);
  running.push({ close: () => enclave.kill() });
  return enclave;
}

async function startGateway(enclave: ScriptedEnclave): Promise<TestGateway> {
  const target = await startTestGateway(simulator, { "tee-test": [enclave.origin], "e2ee-test": [enclave.origin] });
  running.push({ close: () => target.gateway.close() });
  await target.gateway.firstVerification();
  return target;
}

/** A server that is no enclave, and everything that was sent to it. */
async function startRogue(port: number): Promise<{ readonly seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      seen.push(`${request.method} ${request.url?.split("?")[0]} ${Buffer.concat(chunks).toString()}`);
      answerJson(response, 200, { choices: [] });
    })();
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  running.push({ close: () => new Promise((settle) => server.close(() => settle()).closeAllConnections()) });
  return { seen };
}

describe("whoever takes the port of an enclave that stopped", () => {
  it.each([
    ["of a tee model", "tee-test"],
    ["that should have been sealed, but was not", "e2ee-test"],
  ])("sees no prompt %s", async (_name, model) => {
    const enclave = await startEnclave();
    const target = await startGateway(enclave);
    expect((await postChat(target, plain(model))).statusCode).toBe(200);
    const { port } = enclave;
    await enclave.kill();
    const rogue = await startRogue(port);
    for (let i = 0; i < 3; i++) {
      const answers = await Promise.all(Array.from({ length: 5 }, () => postChat(target, plain(model))));
      for (const answer of answers) expect(answer.statusCode).toBeGreaterThanOrEqual(500);
    }
    expect(rogue.seen.filter((line) => !line.startsWith("GET /v1/tee/attestation "))).toEqual([]);
    expect(target.gateway.replicas().find((replica) => replica.model === model)?.state).not.toBe("verified");
  });

  it("sees none either while requests are on their way to the enclave, and no connection was idle", async () => {
    const enclave = await startEnclave();
    const target = await startGateway(enclave);
    enclave.chat = (_seen, response) => response.writeHead(200, streamHeaders()).flushHeaders();
    const held = [await postChat(target, plain()), await postChat(target, plain())];
    const { port } = enclave;
    // It stops listening, but not yet answering.
    enclave.server.close();
    const rogue = await startRogue(port);
    expect((await postChat(target, plain())).statusCode).toBe(502);
    expect(rogue.seen.join()).not.toContain(PROMPT);
    for (const answer of held) answer.destroy();
  });

  it("gets no work until it has proven itself, and then at once", async () => {
    const enclave = await startEnclave();
    const target = await startGateway(enclave);
    const { port } = enclave;
    await enclave.kill();
    const back = await startEnclave(port);
    await expect.poll(async () => (await postChat(target, plain())).statusCode).toBe(200);
    expect(back.requests.every(({ socket }) => back.attested.has(socket))).toBe(true);
    await expect.poll(() => target.gateway.replicas()[0]?.modelKey).toBe(back.key);
  });
});

describe("a plain request", () => {
  it("goes only over connections that evidence came over before", async () => {
    const enclave = await startEnclave();
    const target = await startGateway(enclave);
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => postChat(target, plain())));
      for (const answer of answers) expect(answer.statusCode).toBe(200);
      await Promise.all(answers.map(readAll));
      // One that the enclave cuts while it is idle is not replaced by one that proved nothing.
      enclave.cutAll();
    }
    expect(enclave.requests).toHaveLength(60);
    expect(enclave.requests.filter(({ socket }) => !enclave.attested.has(socket))).toEqual([]);
  });

  it("needs no new evidence while connections can be used again, also those that were hung up on at [DONE]", async () => {
    const enclave = await startEnclave();
    const target = await startGateway(enclave);
    const before = enclave.attestations;
    for (let i = 0; i < 10; i++) await readAll(await postChat(target, plain()));
    enclave.chat = (_seen, response) => {
      response.writeHead(200, streamHeaders());
      response.write("data: {}\n\ndata: [DONE]\n\n");
      setImmediate(() => response.end(": receipt\n\n"));
    };
    for (let i = 0; i < 10; i++) {
      const answer = await postChat(target, plain());
      await once(answer, "data");
      answer.destroy();
      await expect.poll(() => target.logs.filter((line) => line.includes('"request"')).length).toBe(11 + i);
    }
    // A hang-up may be known before the connection is free again.
    expect(enclave.attestations - before).toBeLessThanOrEqual(1);
  });

  it("asks for few pieces of evidence at once, whatever is waiting", async () => {
    let now = 0;
    let most = 0;
    const counting: QuoteSource = {
      teeProvider: simulator.teeProvider,
      teeHardware: simulator.teeHardware,
      describe: () => simulator.describe(),
      endorsements: () => simulator.endorsements(),
      async quote(reportData) {
        most = Math.max(most, ++now);
        await new Promise((settle) => setTimeout(settle, 20));
        now--;
        return simulator.quote(reportData);
      },
    };
    const enclave = await startEnclave(0, counting);
    const target = await startGateway(enclave);
    most = 0;
    const answers = await Promise.all(Array.from({ length: 30 }, () => postChat(target, plain())));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(30).fill(200));
    expect(most).toBeLessThanOrEqual(4);
  });

  it("is answered with the documented error where its connection's evidence is not accepted", async () => {
    const enclave = await startEnclave();
    const target = await startGateway(enclave);
    enclave.chat = (_seen, response) => response.writeHead(200, streamHeaders()).flushHeaders();
    const held = await postChat(target, plain());
    enclave.source = createSimulator({ nowMs: Date.now(), debug: true });
    const refused = await postChat(target, plain());
    expect(refused.statusCode).toBe(502);
    expect(await readText(refused)).toContain("tee_error");
    expect(enclave.requests).toHaveLength(1);
    expect(target.gateway.replicas()[0]?.state).toBe("refused");
    held.destroy();
  });
});

describe("a sealed request", () => {
  it("is protected by its key, and asks for no evidence of its connection", async () => {
    const enclave = await startEnclave();
    const target = await startGateway(enclave);
    const before = enclave.attestations;
    const headers = { "x-venice-tee-model-pub-key": enclave.key };
    const answers = await Promise.all(Array.from({ length: 10 }, () => postChat(target, plain("e2ee-test"), headers)));
    for (const answer of answers) expect(answer.statusCode).toBe(200);
    expect(enclave.attestations).toBe(before);
  });
});

describe("an enclave whose connections are lost", () => {
  it("is looked at again, without anybody asking", async () => {
    const enclave = await startEnclave();
    const target = await startGateway(enclave);
    await enclave.kill();
    await expect
      .poll(() => target.gateway.replicas().map(({ state }) => state), { timeout: 5_000 })
      .toEqual(["unreachable", "unreachable"]);
  });

  it("is not looked at more often than every other second, however many are lost", async () => {
    const enclave = await startEnclave();
    const target = await startGateway(enclave);
    const before = enclave.attestations;
    enclave.chat = (seen) => seen.socket.resetAndDestroy();
    const headers = { "x-venice-tee-model-pub-key": enclave.key };
    for (let i = 0; i < 30; i++) expect((await postChat(target, plain("e2ee-test"), headers)).statusCode).toBe(503);
    // One look for each of the two models may have been due.
    expect(enclave.attestations - before).toBeLessThanOrEqual(2);
  });
});
