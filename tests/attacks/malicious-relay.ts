import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { HEADERS } from "@bauta/protocol";

/** A chat request on its way from a client to the enclave. */
export interface Captured {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** A gateway that hands everything on, keeps what it can use, and lets a test decide about chat requests. */
export interface MaliciousRelay {
  readonly baseUrl: string;
  readonly captured: Captured[];
  chat: (captured: Captured) => Promise<Answer>;
  close(): Promise<void>;
}

const REQUEST_HEADERS = ["authorization", "content-type", ...Object.values(HEADERS)];
const ANSWER_HEADERS = ["content-type", HEADERS.requestId, HEADERS.responseNonce];

export async function startRelay(enclaveUrl: string, gatewayBaseUrl: string): Promise<MaliciousRelay> {
  const server = createServer((request, response) => {
    void (async () => {
      const parts: Buffer[] = [];
      for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
      const headers = Object.fromEntries(
        REQUEST_HEADERS.flatMap((name) => (typeof request.headers[name] === "string" ? [[name, request.headers[name]]] : [])),
      );
      const captured = { headers, body: Buffer.concat(parts) };
      const isChat = request.url?.endsWith("/chat/completions") === true;
      if (isChat) relay.captured.push(captured);
      const isReceipt = request.url?.includes("/tee/signature?") === true;
      const answer = isChat
        ? await relay.chat(captured)
        : await get(isReceipt ? `${enclaveUrl}/v1` : gatewayBaseUrl, request.url ?? "", headers);
      response.writeHead(answer.status, answer.headers).end(answer.body);
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const relay: MaliciousRelay = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`,
    captured: [],
    chat: (captured) => forward(enclaveUrl, captured),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve()).closeAllConnections();
      }),
  };
  return relay;
}

/** Sends a request to the enclave, without the caller's key. */
export async function forward(enclaveUrl: string, { headers, body }: Captured, path = "/chat/completions"): Promise<Answer> {
  const { authorization: _key, ...rest } = headers;
  return read(
    await fetch(`${enclaveUrl}/v1${path}`, {
      method: "POST",
      headers: { ...rest, "content-type": "application/json" },
      body: new Uint8Array(body),
    }),
  );
}

/** Evidence comes from the gateway, and receipts from the enclave, which the gateway has not heard of. */
async function get(baseUrl: string, url: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const { authorization = "" } = headers;
  return read(await fetch(`${baseUrl}${url.replace(/^\/api\/v1/, "")}`, { headers: { authorization } }));
}

async function read(response: Response): Promise<Answer> {
  const body = new Uint8Array(await response.arrayBuffer());
  const headers = ANSWER_HEADERS.flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return { status: response.status, headers: Object.fromEntries(headers) as Record<string, string>, body };
}
