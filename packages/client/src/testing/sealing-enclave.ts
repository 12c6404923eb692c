import { concatBytes, HEADERS, type KeyPair, type Receipt, sha256Hex, toHex, utf8, WireError, type WireErrorCode } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import {
  assertBinding,
  type BodyKey,
  createBodyKey,
  createReplayWindow,
  openBody,
  padSseFrame,
  signKeysStatement,
  signReceipt,
} from "@bauta/protocol/enclave";
import { type ClientOptions, createClient } from "../index.ts";
import { API_KEY, honestAttestation, NOW_MS, simulator } from "../scripted-server.test.ts";

// An enclave that opens bodies sealed whole, with real keys and real cryptography, behind a `fetch` in place of a network.

const BASE = "https://enclave.test/api/v1";
export type Json = Record<string, unknown>;

/** One request as the enclave opened it. */
export interface OpenedCall {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly request: Json;
}

export interface SealedScript {
  /** The plaintexts that are sealed, one frame each. */
  answer?: (call: OpenedCall) => readonly string[];
  /** Changes the frames behind the enclave's back; the receipt stays honest. */
  relay?: (frames: Uint8Array<ArrayBuffer>[]) => Uint8Array<ArrayBuffer>[];
  /** Answers instead of the enclave. */
  instead?: (call: { readonly count: number; readonly body: Uint8Array }) => Response | undefined;
  keys?: (statement: Json) => Json;
  receipt?: Partial<Receipt>;
  head?: (headers: Record<string, string>) => Record<string, string>;
}

export interface SealingEnclave {
  readonly calls: OpenedCall[];
  /** Paths below the base, in order. */
  readonly seen: string[];
  /** Bodies of the POSTs, as they came. */
  readonly bodies: Uint8Array[];
  modelKey: KeyPair;
  bodyKey: BodyKey;
  readonly script: SealedScript;
  client(options?: Partial<ClientOptions>): ReturnType<typeof createClient>;
}

export const chunk = (delta: Json, finish: string | null = null): Json => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 7,
  model: "anything",
  choices: [{ index: 0, delta, finish_reason: finish }],
});

export const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

export const WHOLE = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 7,
  model: "anything",
  choices: [{ index: 0, message: { role: "assistant", content: "four" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
};

const STREAM = [
  event(chunk({ role: "assistant" })),
  event(chunk({ reasoning_content: "hm" })),
  event(chunk({ content: "fo" })),
  event(chunk({ content: "ur" })),
  event(chunk({}, "stop")) + "data: [DONE]\n\n",
];

export async function createSealingEnclave(script: SealedScript = {}): Promise<SealingEnclave> {
  const receipts = new Map<string, Json>();
  const window = createReplayWindow({ nowMs: () => NOW_MS });

  async function attest(query: URLSearchParams): Promise<Response> {
    const honest = await honestAttestation(query, enclave.modelKey);
    const statement = {
      nonce: query.get("nonce"),
      model: query.get("model"),
      versions: ["1", "2"],
      key_origin: "boot",
      hpke_key_config: toHex(enclave.bodyKey.keyConfig),
      gpu_evidence_sha256: null,
      weights: null,
      engine: { name: "scripted", image_digest: null },
      not_after: NOW_MS / 1000 + 3600,
    };
    const { keys, signature } = signKeysStatement(backend, enclave.modelKey.secretKey, (script.keys?.(statement) ?? statement) as never);
    return Response.json({ ...honest, keys, keys_signature: signature });
  }

  async function answer(path: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<Response> {
    if (headers[HEADERS.modelPublicKey] !== toHex(enclave.modelKey.publicKey)) return refuse("unknown_model_key");
    const encapsulated = headers[HEADERS.encapsulatedKey] ?? "";
    const model = headers[HEADERS.model] ?? "";
    let opened: Awaited<ReturnType<typeof openBody>>;
    let request: Json;
    try {
      opened = await openBody([enclave.bodyKey], encapsulated, body);
      const bound = assertBinding(JSON.parse(new TextDecoder().decode(opened.plaintext)), { method: "POST", path, model, required: true });
      window.check(encapsulated, bound.t);
      request = bound.request;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return refuse(error.code);
    }
    const call = { path, headers, request };
    enclave.calls.push(call);
    const id = `chatcmpl-${enclave.calls.length}`;
    const sealer = await opened.sealResponse();
    const honest: Uint8Array<ArrayBuffer>[] = [];
    const isStream = request["stream"] === true;
    for (const text of script.answer?.(call) ?? (isStream ? STREAM : [JSON.stringify(WHOLE)])) {
      const plaintext = utf8(text.replaceAll("chatcmpl-1", id));
      honest.push(Uint8Array.from(await sealer.seal(isStream ? padSseFrame(plaintext) : plaintext)));
    }
    const signed = signReceipt(backend, enclave.modelKey.secretKey, {
      request_id: id,
      model,
      client_nonce: headers[HEADERS.nonce] ?? null,
      request_sha256: sha256Hex(backend, body),
      response_sha256: sha256Hex(backend, concatBytes(...honest)),
      envelopes_sha256: null,
      finish_reason: "stop",
      usage: WHOLE.usage,
      weights: null,
      engine: { name: "scripted", image_digest: null },
      created: 7,
      ...script.receipt,
    });
    const { text, signature, receipt, receiptSignature } = signed;
    receipts.set(id, { text, signature, receipt, receipt_signature: receiptSignature });
    const own = { "content-type": "application/octet-stream", [HEADERS.responseNonce]: sealer.nonceHex, [HEADERS.requestId]: id };
    const frames = script.relay?.(honest) ?? honest;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        const frame = frames.shift();
        if (frame) controller.enqueue(frame);
        else controller.close();
      },
    });
    return new Response(stream, { headers: script.head?.(own) ?? own });
  }

  async function route(url: string, init: RequestInit): Promise<Response> {
    const { pathname, searchParams } = new URL(url);
    const path = pathname.slice(new URL(BASE).pathname.length);
    enclave.seen.push(path.slice(1));
    if (path === "/tee/attestation") return attest(searchParams);
    if (path === "/tee/signature") {
      const receipt = receipts.get(searchParams.get("request_id") ?? "");
      return receipt ? Response.json(receipt) : refuse("receipt_not_found");
    }
    const body = init.body as Uint8Array;
    enclave.bodies.push(body);
    return script.instead?.({ count: enclave.bodies.length, body }) ?? answer(path, init.headers as Record<string, string>, body);
  }

  const enclave: SealingEnclave = {
    calls: [],
    seen: [],
    bodies: [],
    script,
    modelKey: backend.createKeyPair(),
    bodyKey: await createBodyKey(backend),
    client: (options = {}) =>
      createClient({
        baseURL: BASE,
        apiKey: API_KEY,
        policy: { ...simulator.policy("pinned"), protocol: 2 },
        trustRoots: [simulator.rootDer],
        nowMs: () => NOW_MS,
        fetch: route,
        ...options,
      }),
  };
  return enclave;
}

export function refuse(code: WireErrorCode): Response {
  const error = new WireError(code);
  return Response.json(error.toBody(), { status: error.status });
}
