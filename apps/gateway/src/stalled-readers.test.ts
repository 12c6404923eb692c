import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { createSimulator } from "@bauta/simulator";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ScriptedEnclave, streamHeaders } from "./testing/scripted-enclave.ts";
import { postChat, readAll, readText, startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const MODEL = "tee-test";
const PROMPT = `{"model":"${MODEL}"}`;
const PIECE = Buffer.alloc(64 * 1024, "x");
const STALL_MS = 500;
const simulator = createSimulator({ nowMs: Date.now() });
let enclave: ScriptedEnclave;
let target: TestGateway;
beforeAll(async () => {
  enclave = await ScriptedEnclave.start(simulator);
  target = await startTestGateway(
    simulator,
    { [MODEL]: [enclave.origin] },
    { limits: { stallTimeoutMs: STALL_MS, concurrentRequests: 2 } },
  );
  await target.gateway.firstVerification();
});
afterAll(async () => {
  await target.gateway.close();
  await enclave.kill();
});
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Answers with so many bytes, as fast as they are taken. */
function answerWith(totalBytes: number): Promise<ServerResponse> {
  return new Promise((settle) => {
    enclave.chat = (_seen, response) => {
      response.writeHead(200, streamHeaders());
      let left = totalBytes;
      const fill = () => {
        while (left > 0) {
          left -= PIECE.length;
          if (!response.write(PIECE)) {
            response.once("drain", fill);
            return;
          }
        }
        response.end();
      };
      fill();
      settle(response);
    };
  });
}

/** A caller who never reads. */
function send(head: string): Socket {
  const socket = connect(Number(new URL(target.url).port), "127.0.0.1");
  socket.on("error", () => {}).pause();
  socket.write(head);
  sockets.push(socket);
  return socket;
}

const chatHead = () =>
  `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${target.alice}\r\ncontent-type: application/json\r\ncontent-length: ${PROMPT.length}\r\n\r\n${PROMPT}`;
const stalledLines = () => target.logs.filter((line) => line.includes('"client-stalled"')).length;
/** The place that it held is free again: alice has one of two. */
const placeIsFree = () =>
  expect
    .poll(async () => {
      const answer = await postChat(target, PROMPT);
      answer.destroy();
      return answer.statusCode;
    })
    .toBe(200);

describe("a reader who takes nothing", () => {
  it("loses its answer and its place, and the enclave stops", async () => {
    const before = stalledLines();
    const begun = answerWith(256 * 1024 * 1024);
    send(chatHead());
    const response = await begun;
    expect((await postChat(target, PROMPT)).statusCode).toBe(429);
    await once(response, "close");
    expect(response.writableFinished).toBe(false);
    expect(stalledLines()).toBe(before + 1);
    void answerWith(1);
    await placeIsFree();
  });

  it("loses what the gateway answers by itself, too, and its place", async () => {
    const before = stalledLines();
    const { tamper } = enclave;
    enclave.tamper = (answer) => ({ status: 200, body: { ...answer, padding: "x".repeat(7 * 1024 * 1024) } });
    // More answers than the kernel keeps for a reader.
    const head = `GET /v1/tee/attestation?model=${MODEL} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${target.alice}\r\n\r\n`;
    const socket = connect(Number(new URL(target.url).port), "127.0.0.1");
    sockets.push(socket.on("error", () => {}).pause());
    socket.write(head.repeat(3));
    await expect.poll(() => stalledLines(), { timeout: 10_000 }).toBeGreaterThan(before);
    enclave.tamper = tamper;
    void answerWith(1);
    await placeIsFree();
  });
});

describe("nobody is cut", () => {
  it("for an engine that takes its time", async () => {
    const before = stalledLines();
    enclave.chat = (_seen, response) => {
      response.writeHead(200, streamHeaders());
      response.write("data: 1\n\n");
      setTimeout(() => response.end("data: [DONE]\n\n"), 3 * STALL_MS);
    };
    expect(await readText(await postChat(target, PROMPT))).toBe("data: 1\n\ndata: [DONE]\n\n");
    expect(stalledLines()).toBe(before);
  });

  it("for reading slowly but steadily", async () => {
    const total = 64 * 1024 * 1024;
    const begun = answerWith(total);
    const answer: IncomingMessage = await postChat(target, PROMPT);
    await begun;
    let received = 0;
    const startedMs = performance.now();
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      const before = Math.floor(received / (1024 * 1024));
      received += chunk.length;
      // A megabyte, then a pause.
      if (Math.floor(received / (1024 * 1024)) > before) await new Promise((settle) => setTimeout(settle, 25));
    }
    expect(received).toBe(total);
    expect(performance.now() - startedMs).toBeGreaterThan(3 * STALL_MS);
  });

  it("for a pause between requests on one connection", async () => {
    void answerWith(1);
    await readAll(await postChat(target, PROMPT));
    expect((await target.fetch("/v1/models")).status).toBe(200);
    await new Promise((settle) => setTimeout(settle, 2 * STALL_MS));
    expect((await target.fetch("/v1/models")).status).toBe(200);
  });
});
