import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { parsePolicy, type Policy } from "@bauta/attestation";
import { pino } from "pino";
import { createApiKey } from "../api-keys.ts";
import type { GatewayConfig } from "../config.ts";
import { createGateway, type Gateway, type GatewayParts } from "../gateway.ts";

/** A gateway on free ports, with two keys and every log line it wrote. */
export interface TestGateway {
  readonly gateway: Gateway;
  readonly url: string;
  readonly operatorUrl: string;
  readonly alice: string;
  readonly bob: string;
  /** Everything logged, at trace level. */
  readonly logs: string[];
  fetch(path: string, init?: RequestInit & { readonly key?: string }): Promise<Response>;
}

/** What the enclaves are held against: a simulator's root and the policy that pins its build. */
export interface Trust {
  readonly rootDer: Uint8Array;
  policy(name: string): object;
}

export async function startTestGateway(
  trust: Trust,
  models: Readonly<Record<string, readonly string[]>>,
  overrides: Partial<GatewayConfig> & { readonly parts?: GatewayParts; readonly policy?: Policy } = {},
): Promise<TestGateway> {
  const { parts, policy = parsePolicy(trust.policy("test")), ...config } = overrides;
  const alice = createApiKey();
  const bob = createApiKey();
  const logs: string[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => void logs.push(line) });
  const gateway = createGateway(
    {
      listen: { host: "127.0.0.1", port: 0 },
      operator: { host: "127.0.0.1", port: 0 },
      keys: [
        { name: "alice", sha256: alice.sha256 },
        { name: "bob", sha256: bob.sha256 },
      ],
      models: Object.entries(models).map(([id, enclaves]) => ({
        id,
        name: id,
        contextTokens: 4096,
        maxCompletionTokens: 1024,
        enclaves,
        policy,
      })),
      trustRoots: [trust.rootDer],
      attestation: { timeoutMs: 2_000 },
      graceMs: 0,
      ...config,
    },
    { logger, ...parts },
  );
  const { url, operatorUrl = "" } = await gateway.listen();
  return {
    gateway,
    url,
    operatorUrl,
    alice: alice.key,
    bob: bob.key,
    logs,
    fetch: (path, { key = alice.key, headers, ...init } = {}) =>
      fetch(url + path, { ...init, headers: { authorization: `Bearer ${key}`, ...(headers as Record<string, string>) } }),
  };
}

/** Posts a chat request and resolves with the answer's head; its body is left to the caller. */
export function postChat(
  target: TestGateway,
  body: string | Buffer,
  headers: OutgoingHttpHeaders = {},
  path = "/api/v1/chat/completions",
): Promise<IncomingMessage> {
  return new Promise((settle, fail) => {
    const request = httpRequest(target.url + path, {
      method: "POST",
      agent: false,
      headers: {
        authorization: `Bearer ${target.alice}`,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        ...headers,
      },
    });
    request.on("response", settle).on("error", fail);
    request.end(body);
  });
}

/** The body of an answer as text. */
export async function readText(answer: IncomingMessage): Promise<string> {
  return (await readAll(answer)).toString("utf8");
}

/** The body of an answer; throws when it was cut. */
export async function readAll(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
