import { HEADERS, sha256Hex, signText, toBase64, toHex } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { createSealedWriter } from "@bauta/protocol/enclave";
import { describe, expect, it } from "vitest";
import { bautaOf, type ClientOptions } from "../index.ts";
import { at, type Attested, type Exchange, MODEL, QUESTION, reply, type Script, startServer } from "../scripted-server.test.ts";

// A server as the live ones of this protocol are: their shapes, none of what ours add, and an enclave with real keys.

const REQUEST_ID = "chatcmpl-live-7";

/** Quirks of the attestation answer, each of which some server has. */
const ANSWERS: [string, (honest: Attested) => Record<string, unknown>][] = [
  ["a quote in hex", (honest) => honest],
  ["a quote in base64", (honest) => ({ ...honest, intel_quote: toBase64(Buffer.from(honest.intel_quote, "hex")) })],
  ["an event log as a text", (honest) => ({ ...honest, event_log: JSON.stringify(honest["event_log"]) })],
  ["tcb_info as a text", (honest) => ({ ...honest, info: withTextInfo(honest["info"]) })],
  ["signing_public_key alone, of 128 digits", ({ signing_key: key, ...honest }) => ({ ...honest, signing_public_key: key.slice(2) })],
  ["members that nobody knows", (honest) => ({ ...honest, server_verification: { tdx: { valid: true } }, nonce_source: "client" })],
];

function withTextInfo(info: unknown): Record<string, unknown> {
  const { tcb_info: tcb, ...others } = (info ?? {}) as Record<string, unknown>;
  return { ...others, ...(tcb !== undefined && { tcb_info: typeof tcb === "string" ? tcb : JSON.stringify(tcb) }) };
}

/** Chunks with more members than ours, each envelope under a key of its own, and a documented receipt alone. */
function liveServer(extra: Script = {}): { script: Script; bytes: () => string } {
  let stream = "";
  let text = "";
  let signature = "";
  const seal = async (exchange: Exchange, delta: { content?: string; reasoning?: string }): Promise<string> => {
    const clientKey = Buffer.from(exchange.request.headers[HEADERS.clientPublicKey] as string, "hex");
    const writer = await createSealedWriter(backend, clientKey, { id: REQUEST_ID, model: "upstream-model", created: 9 });
    const event = JSON.parse(
      Buffer.from(await writer.delta(delta))
        .toString()
        .slice(6),
    ) as Record<string, unknown>;
    return `data: ${JSON.stringify({ ...event, system_fingerprint: "x", usage: null })}\n\n`;
  };
  const script: Script = {
    async chat(exchange) {
      const chunk = { id: REQUEST_ID, object: "chat.completion.chunk", created: 9, model: "upstream-model" };
      const plain = (more: object) => `data: ${JSON.stringify({ ...chunk, ...more })}\n\n`;
      stream = [
        ": keep-alive\n\n",
        plain({ choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }] }),
        await seal(exchange, { reasoning: "Sums." }),
        await seal(exchange, { content: "It is " }),
        await seal(exchange, { content: "four ☂" }),
        plain({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }),
        plain({ choices: [], usage: { prompt_tokens: 4, completion_tokens: 3, total_tokens: 7, prompt_tokens_details: null } }),
        "data: [DONE]\n\n",
      ].join("");
      text = `${sha256Hex(backend, exchange.body)}:${sha256Hex(backend, Buffer.from(stream))}`;
      signature = signText(backend, server!.modelKey.secretKey, text);
      exchange.response.writeHead(200, { "content-type": "text/event-stream" }).end(stream);
    },
    signature: (_request, response) => reply(response, 200, { text, signature, signing_algo: "ecdsa" }),
    ...extra,
  };
  return { script, bytes: () => stream };
}

let server: Awaited<ReturnType<typeof startServer>> | undefined;

async function ask(body: object, extra: Script = {}, options: Partial<ClientOptions> = {}): Promise<Response> {
  server = await startServer(liveServer(extra).script);
  const client = server.client({ receipts: "documented", ...options });
  return client.fetch(`${client.baseURL}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: MODEL, messages: QUESTION, ...body }),
  });
}

describe("a server with the live services' shapes", () => {
  it.each(ANSWERS)("answers verified by its documented receipt: %s", async (_name, change) => {
    const response = await ask({}, { attestation: (honest) => change(honest) });
    expect(await response.json()).toEqual({
      id: REQUEST_ID,
      object: "chat.completion",
      created: 9,
      model: MODEL,
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "It is four ☂", reasoning_content: "Sums." },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: { prompt_tokens: 4, completion_tokens: 3, total_tokens: 7 },
    });
    expect(response.headers.get("bauta-outcome")).toBe("verified");
    expect(await bautaOf(response)?.outcome).toMatchObject({ receiptKind: "documented", receipt: undefined, requestId: REQUEST_ID });
    expect(server?.seen.at(-1)).toBe(`tee/signature?model=${MODEL}&request_id=${REQUEST_ID}`);
  });

  it("its switches go along", async () => {
    await ask({ venice_parameters: { enable_e2ee: true, include_venice_system_prompt: false, enable_web_search: "off" } });
    const sent = JSON.parse(at(server!.exchanges, 0).body.toString()) as Record<string, unknown>;
    expect(sent["venice_parameters"]).toEqual({ enable_e2ee: true, include_venice_system_prompt: false, enable_web_search: "off" });
  });

  it("every role's content is sealed, since live servers take plaintext in none", async () => {
    const roles = ["system", "developer", "user", "assistant", "tool"];
    await ask({ messages: roles.map((role) => ({ role, content: `${role} says` })) });
    const { messages } = JSON.parse(at(server!.exchanges, 0).body.toString()) as { messages: { role: string; content: string }[] };
    expect(messages.map(({ role }) => role)).toEqual(roles);
    for (const { content } of messages) expect(content).toMatch(/^04[0-9a-f]{184,}$/);
    expect(new Set(messages.map(({ content }) => content.slice(0, 130))).size).toBe(1);
    expect(messages[0]?.content.slice(0, 130)).toBe(at(server!.exchanges, 0).request.headers[HEADERS.clientPublicKey]);
  });

  it("an answer behind a relay that writes it anew is unverified: the documented receipt says nothing of its text alone", async () => {
    const { script } = liveServer();
    const response = await ask(
      {},
      {
        async chat(exchange) {
          const parts: string[] = [];
          const { response: real } = exchange;
          const caught = { writeHead: () => ({ end: (text: string) => void parts.push(text) }) };
          await script.chat?.({ ...exchange, response: caught as never });
          real.writeHead(200, { "content-type": "text/event-stream" }).end(parts.join("").replaceAll('":', '": '));
        },
        signature: (...args) => script.signature?.(...args),
      },
    );
    expect([response.status, response.headers.get("bauta-outcome")]).toEqual([502, "unverified"]);
    expect(response.headers.get("bauta-reason")).toContain("another request or answer than this client saw");
  });

  it.each([
    [{ error: { message: "no such model", type: "x", code: "model_not_found" } }, 404, "Model not found"],
    [{ error: "Insufficient balance" }, 402, "Insufficient balance"],
    [{ message: "Too many requests" }, 429, "Too many requests"],
    ["<html>", 500, "status 500"],
  ])("its error %j is shown as a hint", async (body, status, words) => {
    const response = await ask({}, { chat: ({ response: r }) => reply(r, status, body) });
    expect(response.status).toBe(status);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message).toContain(words);
    expect(error.message).toContain("a hint, not a fact");
  });

  it("a key of a model is hex in clear nowhere but where it belongs", async () => {
    await ask({});
    const { request } = at(server!.exchanges, 0);
    expect(request.headers[HEADERS.modelPublicKey]).toBe(toHex(server!.modelKey.publicKey));
    expect(request.headers[HEADERS.signingAlgorithm]).toBe("ecdsa");
  });
});
