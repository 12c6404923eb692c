import type { Client, ModelProtection } from "@bauta/client";
import { LIMITS } from "@bauta/protocol";
import { type AttestedModels, createAttestedModels } from "./attested-models.ts";
import { type Answered, answered, type CallFacts } from "./call.ts";
import { answerPreflight, type CallerRules, refuseForeign, shareWith } from "./caller.ts";
import { PROXY_ERRORS, type ProxyErrorCode, refuse } from "./errors.ts";
import { describeFailure } from "./failure.ts";
import { createLocalKey } from "./local-key.ts";
import { answerModels } from "./model-list.ts";
import { isModelName } from "./passed.ts";
import { modelFacts, relay, type RelayedCall } from "./relay.ts";
import type { RequestLine } from "./request-line.ts";
import { readRequestText } from "./request-text.ts";
import { STATUS_POLICY, STATUS_STYLE, toStatusPage } from "./status-page.ts";
import type { Upstream } from "./upstream.ts";
import { toVerificationJson } from "./verification.ts";

/** As much of a client as the proxy uses. */
export type ProxyClient = Pick<Client, "baseURL" | "attest" | "fetch">;

export interface ProxyOptions {
  /** Attests, seals, checks receipts; its options say what may be sent and what becomes of an answer without proof. */
  readonly client: ProxyClient;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Which of the server's models are listed; those that are sealed unless given. */
  readonly upstreamModels?: readonly ModelProtection[];
  /** Callers must send it as `Authorization: Bearer`. Unless given, every program on this machine may call. */
  readonly localKey?: string;
  /** Names and addresses that the proxy answers to beside this machine's own: `proxy.example`, `192.0.2.7`, `[2001:db8::7]`. */
  readonly hosts?: readonly string[];
  /** Origins of web pages that may call and read answers, such as `http://localhost:3000`; none unless given. */
  readonly origins?: readonly string[];
  /** Longest request body; that of the protocol unless given. */
  readonly maxBodyBytes?: number;
  /** What is known of models; handed in by who also keeps them attested. */
  readonly attested?: AttestedModels;
  /** Told once of each request, when its answer has ended. */
  readonly onRequest?: (line: RequestLine) => void;
}

/**
 * An OpenAI-compatible endpoint in front of a client: a handler of requests as the Fetch standard has them. A request's
 * URL has to name the host that the caller named; its signal has to abort when the caller is gone.
 */
export function createProxy(options: ProxyOptions): (request: Request) => Promise<Response> {
  const { client, nowMs, upstreamModels = ["sealed"], maxBodyBytes = LIMITS.requestBodyBytes, onRequest } = options;
  const attested = options.attested ?? createAttestedModels({ nowMs });
  const caller: CallerRules = { hosts: new Set(options.hosts), origins: new Set(options.origins) };
  const hasLocalKey = options.localKey === undefined ? undefined : createLocalKey(options.localKey);
  const { fetch, baseURL } = client;
  const upstream: Upstream = { fetch, baseURL };

  const handlers: Readonly<Record<ResourcePath, (request: Request, url: URL) => Awaitable<Answered>>> = {
    "/v1/chat/completions": (request) => answerCall(request, "chat/completions"),
    "/v1/embeddings": (request) => answerCall(request, "embeddings"),
    "/v1/models": ({ signal }, url) => {
      const list = answerModels(upstream, { id: readModelId(url), protections: upstreamModels }, signal);
      return list.catch((error: unknown) => failed(error, signal));
    },
    "/verification": ({ signal }, url) => answerVerification(url, signal),
    "/": (_request, url) => {
      const page = toStatusPage({ server: baseURL, ownUrl: `${url.origin}/v1`, models: attested.list(), nowMs: nowMs() });
      return answered(new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } }));
    },
    "/style.css": () => answered(new Response(STATUS_STYLE, { headers: { "content-type": "text/css; charset=utf-8" } })),
    "/healthz": () => answered(Response.json({ ok: true })),
  };

  async function answer(request: Request, url: URL, path: ResourcePath | "other"): Promise<Answered> {
    // 1. Nothing for pages elsewhere, whatever they ask for.
    const foreign = refuseForeign(request, url, caller);
    if (foreign) return refused(foreign);
    // Only an allowed page's question comes as far as here.
    if (request.method === "OPTIONS" && request.headers.has("origin")) return answered(answerPreflight(request));
    // 2. What is asked for, and by whom.
    if (path === "other") return refused(refuse("not_found", { message: explainUnknown(url) }));
    const { method, key } = RESOURCES[path];
    if (request.method !== method && !(request.method === "HEAD" && method === "GET")) {
      return refusal("method_not_allowed", { allow: method });
    }
    if (hasLocalKey && key !== "none" && !(await hasLocalKey(request, { basic: key === "basic" }))) {
      return refusal("unauthorized", { "www-authenticate": key === "basic" ? 'Basic realm="bauta proxy", charset="UTF-8"' : "Bearer" });
    }
    // 3. That.
    return handlers[path](request, url);
  }

  async function answerCall(request: Request, path: RelayedCall["path"]): Promise<Answered> {
    const { signal } = request;
    const text = await readRequestText(request, maxBodyBytes);
    if (typeof text !== "string") return refused(text);
    return relay(upstream, attested, { path, text, signal }).catch((error: unknown) => failed(error, signal, modelFacts(text)));
  }

  async function answerVerification(url: URL, signal: AbortSignal): Promise<Answered> {
    const model = url.searchParams.get("model");
    if (model === null) return verification(attested.list());
    if (!isModelName(model)) return refusal("invalid_model");
    try {
      const attestation = await client.attest(model, { signal });
      attested.note(attestation);
      return verification(attested.list().filter((known) => known.model === model));
    } catch (error) {
      return failed(error, signal, { model });
    }
  }

  function verification(models: ReturnType<AttestedModels["list"]>): Answered {
    const json = toVerificationJson(baseURL, models, nowMs());
    return answered(new Response(json, { headers: { "content-type": "application/json" } }));
  }

  return async (request) => {
    const beganMs = nowMs();
    const url = new URL(request.url);
    // Programs that join a base URL and a path often write two slashes between.
    url.pathname = url.pathname.replace(/\/{2,}/g, "/");
    const path = findResource(url.pathname);
    const { response, facts } = await answer(request, url, path).catch(() =>
      request.signal.aborted ? refusal("client_gone") : refusal("internal"),
    );
    const { headers } = response;
    headers.set("cache-control", "no-store");
    headers.set("x-content-type-options", "nosniff");
    headers.set("referrer-policy", "no-referrer");
    headers.set("cross-origin-resource-policy", "same-origin");
    headers.set("content-security-policy", STATUS_POLICY);
    shareWith(request.headers.get("origin"), caller, headers);
    const { method } = request;
    const { status } = response;
    if (onRequest) void facts.then((known) => onRequest({ method, path, status, ms: nowMs() - beganMs, ...known }));
    return response;
  };
}

/** What is served: by which method, and who must show the local key, also as a password that a browser asks for. */
const RESOURCES = {
  "/v1/chat/completions": { method: "POST", key: "bearer" },
  "/v1/embeddings": { method: "POST", key: "bearer" },
  "/v1/models": { method: "GET", key: "bearer" },
  "/verification": { method: "GET", key: "basic" },
  "/": { method: "GET", key: "basic" },
  "/style.css": { method: "GET", key: "none" },
  "/healthz": { method: "GET", key: "none" },
} as const satisfies Record<string, { method: string; key: "bearer" | "basic" | "none" }>;

type ResourcePath = keyof typeof RESOURCES;

type Awaitable<Value> = Value | Promise<Value>;

function findResource(pathname: string): ResourcePath | "other" {
  if (pathname.startsWith("/v1/models/")) return "/v1/models";
  return Object.hasOwn(RESOURCES, pathname) ? (pathname as ResourcePath) : "other";
}

/** What to do about a path that is not served; nothing of the path is repeated. */
function explainUnknown({ pathname, origin }: URL): string {
  const asked = pathname.replace(/(?<=.)\/$/, "").replace(/^\/api(?=\/v1\/)/, "");
  if (findResource(`/v1${asked}`) !== "other" || asked !== pathname) return `The API is below ${origin}/v1: take that as base URL`;
  const other = OTHER_APIS[asked.replace(/^\/v1(?=\/)/, "")];
  return other ?? PROXY_ERRORS.not_found.message;
}

/** What other APIs of the kind have, and what is asked in its place. */
const OTHER_APIS: Readonly<Record<string, string>> = {
  "/completions": "This proxy has no text completions: ask /v1/chat/completions with messages",
  "/responses": "This proxy has no Responses API: ask /v1/chat/completions, which every SDK can be told to use",
};

function readModelId({ pathname }: URL): string | undefined {
  const encoded = /^\/v1\/models\/(.+)$/.exec(pathname)?.[1];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function refused({ response, code }: ReturnType<typeof refuse>): Answered {
  return answered(response, { code });
}

function failed(error: unknown, signal: AbortSignal, facts: CallFacts = {}): Answered {
  const { response, code } = describeFailure(error, signal);
  return answered(response, { ...facts, code });
}

function refusal(error: ProxyErrorCode, headers?: Readonly<Record<string, string>>): Answered {
  return refused(refuse(error, { ...(headers && { headers }) }));
}
