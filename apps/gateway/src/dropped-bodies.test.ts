import { once } from "node:events";
import { connect } from "node:net";
import { createSimulator } from "@bauta/simulator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScriptedEnclave } from "./testing/scripted-enclave.ts";
import { startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const simulator = createSimulator({ nowMs: Date.now() });
let enclave: ScriptedEnclave;
let shared: TestGateway;
beforeAll(async () => {
  enclave = await ScriptedEnclave.start(simulator);
  shared = await startTestGateway(simulator, { "tee-test": [enclave.origin] }, { limits: { bodyBytes: 10_000 } });
});
afterAll(async () => {
  await shared.gateway.close();
  await enclave.kill();
});

const auth = () => `authorization: Bearer ${shared.alice}\r\n`;

/** Status, and the error's code and param, of a raw answer. */
function errorOf(answer: string): [number, string, string | null] {
  const [head = "", body = ""] = answer.split("\r\n\r\n", 2);
  const { error } = JSON.parse(body) as { error: { code: string; param: string | null } };
  return [Number(head.split(" ")[1]), error.code, error.param];
}

describe("a body of ten megabytes", () => {
  /** A client that looks for an answer only once it has sent everything, as many do. */
  const send = async (path: string, head: string, body: string) => {
    const socket = connect(Number(new URL(shared.url).port), "127.0.0.1");
    socket.pause();
    await new Promise<void>((settle, fail) => {
      socket.once("error", fail);
      socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${head}\r\n${body}`, () => settle());
    });
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
      if (answer.endsWith("}}")) socket.destroy();
    });
    socket.resume();
    await once(socket, "close");
    return errorOf(answer);
  };
  const body = `{"model":"tee-test","x":"${"x".repeat(10 * 1024 * 1024)}"}`;
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const length = `content-length: ${body.length}\r\n`;

  it("gets its answer, though nobody looks at it to the end", async () => {
    const path = "/api/v1/chat/completions";
    expect(await send(path, auth() + length, body)).toEqual([413, "too_large", null]);
    expect(await send(path, `${auth()}transfer-encoding: chunked\r\n`, chunked)).toEqual([413, "too_large", null]);
    expect(await send(path, length, body)).toEqual([401, "unauthorized", null]);
    expect(await send("/v1/models", length, body)).toEqual([405, "method_not_allowed", null]);
  });
});

describe("an upload that nobody wants", () => {
  const CAP = 16 * 1024 * 1024;
  /** What the kernel holds on both sides, and the body that is read before a 413. */
  const SLACK = 16 * 1024 * 1024;
  const ENDLESS = 1024 * 1024 * 1024;
  const PIECE = Buffer.alloc(64 * 1024, " ");
  const CHUNK = Buffer.concat([Buffer.from(`${PIECE.length.toString(16)}\r\n`), PIECE, Buffer.from("\r\n")]);

  /** Sends on and on, whatever the answer; how many bytes were taken before the connection was closed. */
  const flood = async (head: string, piece: Buffer) => {
    const socket = connect(Number(new URL(shared.url).port), "127.0.0.1");
    const closed = new Promise<void>((settle) => socket.on("error", () => {}).on("close", () => settle()));
    socket.resume();
    socket.write(head);
    const fill = () => {
      while (socket.bytesWritten < ENDLESS && socket.write(piece));
    };
    socket.on("drain", fill);
    fill();
    await closed;
    return socket.bytesWritten - socket.writableLength;
  };
  const post = (path: string, headers: string) => `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${headers}\r\n`;
  const chunked = "transfer-encoding: chunked\r\n";

  it.each<[string, () => string, Buffer]>([
    ["without a key, in chunks", () => post("/v1/chat/completions", chunked), CHUNK],
    ["without a key, of declared length", () => post("/v1/chat/completions", `content-length: ${ENDLESS}\r\n`), PIECE],
    ["to no resource, in chunks", () => post("/v1/nothing", chunked), CHUNK],
    ["with a key, in chunks", () => post("/v1/chat/completions", auth() + chunked), CHUNK],
    ["behind a GET that has its answer", () => `GET /v1/models HTTP/1.1\r\nhost: a\r\n${auth()}${chunked}\r\n`, CHUNK],
  ])("%s, is cut after a bounded number of bytes", async (_name, head, piece) => {
    expect(await flood(head(), piece)).toBeLessThan(CAP + SLACK);
  });
});
