import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { createSimulator } from "@bauta/simulator";
import { afterEach, describe, expect, it } from "vitest";
import { answerJson, errorReply, ScriptedEnclave, streamHeaders } from "./testing/scripted-enclave.ts";
import { postChat, readAll, readText, startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const MODEL = "tee-test";
const PROMPT = JSON.stringify({ model: MODEL, messages: [{ role: "user", content: "hello" }], stream: true });
const simulator = createSimulator({ nowMs: Date.now() });
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.close();
});

async function startEnclave(port = 0): Promise<ScriptedEnclave> {
  const enclave = await ScriptedEnclave.start(simulator, port);
  running.push({ close: () => enclave.kill() });
  return enclave;
}

async function startGateway(
  enclaves: readonly ScriptedEnclave[],
  overrides: Parameters<typeof startTestGateway>[2] = {},
): Promise<TestGateway> {
  const origins = enclaves.map(({ origin }) => origin);
  const target = await startTestGateway(simulator, { [MODEL]: origins, "e2ee-test": origins }, overrides);
  running.push({ close: () => target.gateway.close() });
  return target;
}

describe("bytes on their way", () => {
  it("arrive as they were sent, however they are split, both ways", async () => {
    const enclave = await startEnclave();
    const target = await startGateway([enclave]);
    for (let round = 0; round < 25; round++) {
      const answer = randomBytes(1 + Math.floor(Math.random() * 200_000));
      const request = Buffer.concat([
        Buffer.from(`{ "model" : "${MODEL}",\t"x": "`),
        Buffer.from(randomBytes(round * 999).toString("hex")),
        Buffer.from('"}\n'),
      ]);
      enclave.chat = (_seen, response) => {
        response.writeHead(200, streamHeaders());
        for (let at = 0; at < answer.length;) {
          const length = 1 + Math.floor(Math.random() * 20_000);
          response.write(answer.subarray(at, at + length));
          at += length;
        }
        response.end();
      };
      const got = await readAll(await postChat(target, request));
      expect(got.equals(answer)).toBe(true);
      expect(enclave.requests.at(-1)?.body.equals(request)).toBe(true);
    }
    expect(enclave.connections).toBeLessThanOrEqual(3);
  });

  it("carry only the headers that each side needs", async () => {
    const enclave = await startEnclave();
    const target = await startGateway([enclave]);
    enclave.chat = (_seen, response) =>
      answerJson(
        response,
        200,
        {},
        { ...streamHeaders("chatcmpl-7"), server: "enclave/1", "set-cookie": "a=b", "x-secret": "1", "keep-alive": "timeout=9" },
      );
    const answer = await postChat(target, PROMPT, {
      "bauta-nonce": "ab".repeat(32),
      "x-venice-tee-client-pub-key": "04aa",
      "x-venice-tee-signing-algo": "ecdsa",
      "x-venice-tee-model-pub-key": enclave.key,
      "x-forwarded-for": "10.0.0.1",
      "user-agent": "someone",
      "accept-encoding": "gzip",
      cookie: "session=1",
      te: "trailers",
    });
    await readAll(answer);
    expect(Object.keys(answer.headers).toSorted()).toEqual([
      "bauta-request-id",
      "cache-control",
      "connection",
      "content-length",
      "content-type",
      "date",
    ]);
    expect(answer.headers["bauta-request-id"]).toBe("chatcmpl-7");
    const seen = enclave.requests[0]?.headers ?? {};
    expect(Object.keys(seen).toSorted()).toEqual([
      "bauta-nonce",
      "connection",
      "content-length",
      "content-type",
      "host",
      "x-venice-tee-client-pub-key",
      "x-venice-tee-model-pub-key",
      "x-venice-tee-signing-algo",
    ]);
    expect(JSON.stringify(seen)).not.toContain(target.alice);
  });

  it("pass an enclave's error on byte for byte", async () => {
    const enclave = await startEnclave();
    const target = await startGateway([enclave]);
    const { body } = errorReply("field_not_opened");
    const text = ` ${JSON.stringify(body)}\n`;
    enclave.chat = (_seen, response) => {
      response.writeHead(400, { "content-type": "application/json" });
      response.end(text);
    };
    const answer = await postChat(target, PROMPT);
    expect(answer.statusCode).toBe(400);
    expect((await readAll(answer)).toString()).toBe(text);
  });

  it("reuse the connection to the enclave", async () => {
    const enclave = await startEnclave();
    const target = await startGateway([enclave]);
    for (let i = 0; i < 20; i++) await readAll(await postChat(target, PROMPT));
    const sockets = new Set(enclave.requests.map(({ socket }) => socket));
    expect(enclave.requests).toHaveLength(20);
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it("reach an enclave by name, too", async () => {
    const enclave = await startEnclave();
    const target = await startTestGateway(simulator, { [MODEL]: [`http://localhost:${enclave.port}`] });
    running.push({ close: () => target.gateway.close() });
    expect((await postChat(target, PROMPT)).statusCode).toBe(200);
  });

  it("do not follow a redirect", async () => {
    const enclave = await startEnclave();
    const target = await startGateway([enclave]);
    enclave.chat = (_seen, response) => response.writeHead(307, { location: "http://169.254.169.254/" }).end();
    const answer = await postChat(target, PROMPT);
    expect(answer.statusCode).toBe(503);
    expect(answer.headers.location).toBeUndefined();
    expect(await readText(answer)).toContain("enclave_unreachable");
  });

  it("show the answer's head before its first byte is there", async () => {
    const enclave = await startEnclave();
    const target = await startGateway([enclave]);
    let open: ServerResponse | undefined;
    enclave.chat = (_seen, response) => {
      open = response;
      response.writeHead(200, streamHeaders());
      response.flushHeaders();
    };
    const answer = await postChat(target, PROMPT);
    expect(answer.statusCode).toBe(200);
    open?.end("data: [DONE]\n\n");
    expect((await readAll(answer)).toString()).toBe("data: [DONE]\n\n");
  });
});

describe("a slow reader", () => {
  it("stops the enclave instead of filling the gateway's memory", async () => {
    const enclave = await startEnclave();
    const target = await startGateway([enclave]);
    const total = 256 * 1024 * 1024;
    const piece = randomBytes(64 * 1024);
    const digest = createHash("sha256");
    let written = 0;
    let stalled: () => void = () => {};
    const stall = new Promise<void>((settle) => (stalled = settle));
    enclave.chat = (_seen, response) => {
      response.writeHead(200, streamHeaders());
      const fill = () => {
        while (written < total) {
          written += piece.length;
          digest.update(piece);
          if (!response.write(piece)) {
            const quiet = setTimeout(stalled, 500);
            response.once("drain", () => {
              clearTimeout(quiet);
              fill();
            });
            return;
          }
        }
        response.end();
      };
      fill();
    };
    const answer = await postChat(target, PROMPT);
    answer.pause();
    await stall;
    // What two sockets' kernel buffers hold, and no more.
    expect(written).toBeLessThan(32 * 1024 * 1024);
    const received = createHash("sha256");
    for await (const chunk of answer as AsyncIterable<Buffer>) received.update(chunk);
    expect(written).toBe(total);
    expect(received.digest("hex")).toBe(digest.digest("hex"));
  });
});

describe("a client that leaves", () => {
  const leaving: [string, (response: ServerResponse) => void][] = [
    ["before the head", () => {}],
    [
      "before the first byte",
      (response) => {
        response.writeHead(200, streamHeaders());
        response.flushHeaders();
      },
    ],
    [
      "in the middle",
      (response) => {
        response.writeHead(200, streamHeaders());
        response.write("data: {}\n\n");
      },
    ],
  ];
  it.each(leaving)("%s stops the enclave within a second", async (_name, begin) => {
    const enclave = await startEnclave();
    const target = await startGateway([enclave]);
    const begun = new Promise<ServerResponse>((settle) => {
      enclave.chat = (_seen, response) => {
        begin(response);
        settle(response);
      };
    });
    const socket = connect(Number(new URL(target.url).port), "127.0.0.1");
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${target.alice}\r\ncontent-type: application/json\r\ncontent-length: ${PROMPT.length}\r\n\r\n${PROMPT}`,
    );
    const response = await begun;
    const closed = once(response, "close");
    const leftMs = performance.now();
    socket.destroy();
    await closed;
    expect(performance.now() - leftMs).toBeLessThan(1000);
    expect(response.writableFinished).toBe(false);
  });

  it("at [DONE] lets the enclave finish", async () => {
    const enclave = await startEnclave();
    const target = await startGateway([enclave]);
    const requestId = "chatcmpl-done";
    const asked = new Promise<string | null>((settle) => {
      enclave.signature = (query) => {
        settle(query.get("request_id"));
        return { status: 200, body: { text: "a:b" } };
      };
    });
    const begun = new Promise<ServerResponse>((settle) => {
      enclave.chat = (_seen, response) => {
        response.writeHead(200, streamHeaders(requestId));
        response.write("data: {}\n\ndata: [DONE]\n\n");
        settle(response);
      };
    });
    const answer = await postChat(target, PROMPT);
    const response = await begun;
    await once(answer, "data");
    answer.destroy();
    // The connection to the enclave is still whole when the client's has been gone for a while.
    await expect.poll(() => target.logs.some((line) => line.includes('"whole":false'))).toBe(true);
    await target.fetch(`/v1/tee/attestation?model=${MODEL}`);
    expect(response.closed).toBe(false);
    response.end(": bauta-receipt x y\n\n");
    expect(await asked).toBe(requestId);
    expect(response.writableFinished).toBe(true);
  });
});

describe("an enclave that dies", () => {
  it.each([
    ["chunked", {}],
    ["of known length", { "content-length": "1000" }],
  ])("mid-answer cuts an answer %s: no invented end", async (_name, headers) => {
    const enclave = await startEnclave();
    const target = await startGateway([enclave]);
    enclave.chat = (seen, response) => {
      response.writeHead(200, { ...streamHeaders(), ...headers });
      response.write("data: {}\n\n", () => seen.socket.resetAndDestroy());
    };
    const answer = await postChat(target, PROMPT);
    const chunks: Buffer[] = [];
    await expect(async () => {
      for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
    }).rejects.toThrow(/aborted/);
    expect(Buffer.concat(chunks).toString()).toBe("data: {}\n\n");
    expect((await target.fetch("/v1/models")).status).toBe(200);
  });

  it("after it got the request is not asked again, nor is another one", async () => {
    const enclaves = [await startEnclave(), await startEnclave()];
    const target = await startGateway(enclaves);
    await target.gateway.firstVerification();
    for (const enclave of enclaves) enclave.chat = (seen) => seen.socket.resetAndDestroy();
    const answer = await postChat(target, PROMPT);
    expect(answer.statusCode).toBe(503);
    expect(await readText(answer)).toContain("enclave_unreachable");
    expect(enclaves.flatMap(({ requests }) => requests)).toHaveLength(1);
  });

  it("before a request was sent is passed over for a plain model", async () => {
    const enclaves = [await startEnclave(), await startEnclave()];
    const target = await startGateway(enclaves);
    await target.gateway.firstVerification();
    await enclaves[0]?.kill();
    for (let i = 0; i < 4; i++) expect((await postChat(target, PROMPT)).statusCode).toBe(200);
    expect(enclaves[1]?.requests).toHaveLength(4);
  });

  it("is a 503 where no other can serve, until it is back", async () => {
    const enclave = await startEnclave();
    const target = await startGateway([enclave]);
    await target.gateway.firstVerification();
    const { port } = enclave;
    await enclave.kill();
    const answer = await postChat(target, PROMPT);
    expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "1"]);
    expect(await readText(answer)).toContain("enclave_unreachable");
    const back = await startEnclave(port);
    await expect.poll(async () => (await postChat(target, PROMPT)).statusCode, { timeout: 10_000 }).toBe(200);
    // Whoever listens there now had to prove itself first.
    expect(back.attestations).toBeGreaterThan(0);
  });
});
