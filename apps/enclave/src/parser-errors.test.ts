import { once } from "node:events";
import { connect } from "node:net";
import { WIRE_ERRORS, type WireErrorCode } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { sayHello, scriptedEngine, startEnclave, untilAborted } from "./testing/running-enclave.ts";

const plain = { model: "tee-demo", messages: [{ role: "user", content: "hi" }] };

describe("what Node cannot read as a request", () => {
  const chatHead = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
  it.each<[string, string, WireErrorCode]>([
    ["what is no HTTP", "NOT HTTP\r\n\r\n", "malformed_request"],
    ["a content-length that is no number", `${chatHead}content-length: x\r\n\r\n`, "malformed_request"],
    ["two content-lengths", `${chatHead}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`, "malformed_request"],
    ["a chunk without a length", `${chatHead}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n`, "malformed_request"],
    ["headers without end", `GET / HTTP/1.1\r\nx: ${"a".repeat(2_000_000)}\r\n\r\n`, "headers_too_large"],
    ["no HTTP behind a whole answer", "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", "malformed_request"],
  ])("answers %s in the catalogue's words, closes, and goes on serving", async (_, sent, code) => {
    const { url, post } = await startEnclave(scriptedEngine(sayHello));
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    // The rest of a request that was refused early has nowhere to go.
    socket.on("error", () => {});
    socket.write(sent);
    if (sent.includes("/healthz")) {
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
      socket.write("NOT HTTP\r\n\r\n");
    }
    const parts: Buffer[] = [];
    socket.on("data", (part: Buffer) => void parts.push(part));
    await once(socket, "close");
    const [head = "", body = ""] = Buffer.concat(parts).toString().split("\r\n\r\n");
    const { status, message, type } = WIRE_ERRORS[code];
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} \\w`));
    expect(head).toContain("content-type: application/json");
    expect(head).toContain("cache-control: no-transform, no-store");
    expect(head).toContain(`content-length: ${body.length}`);
    expect(JSON.parse(body)).toEqual({ error: { message, type, code, param: null } });
    expect((await post(plain)).status).toBe(200);
  });

  it("adds nothing to an answer that is under way when what follows is no HTTP", async () => {
    const engine = scriptedEngine(async function* (_, signal) {
      yield { type: "delta", content: "Hel" };
      await untilAborted(signal);
    });
    const { url } = await startEnclave(engine);
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.on("error", () => {});
    const body = JSON.stringify({ ...plain, stream: true });
    socket.write(`${chatHead}content-length: ${body.length}\r\n\r\n${body}`);
    let text = "";
    socket.on("data", (part: Buffer) => {
      text += part.toString();
      if (text.includes("Hel")) socket.write("NOT HTTP\r\n\r\n");
    });
    await once(socket, "close");
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(text).not.toContain("malformed_request");
    await engine.released;
  });

  it("ends a slow upload with 408", async () => {
    const { url, post } = await startEnclave(scriptedEngine(sayHello), { requestTimeoutMs: 300 });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{");
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    const [head, body] = Buffer.concat(parts).toString().split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 408 /);
    expect(JSON.parse(body ?? "")).toMatchObject({ error: { code: "request_timeout" } });
    expect((await post(plain)).status).toBe(200);
  });
});
