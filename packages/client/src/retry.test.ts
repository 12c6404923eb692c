import { HEADERS, toHex, WireError } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { describe, expect, it } from "vitest";
import type { Chat } from "./index.ts";
import {
  type Exchange,
  honestAttestation,
  MODEL,
  queryOf,
  QUESTION,
  readAll,
  rejection,
  reply,
  type ScriptedServer,
  startServer,
  TEXT,
} from "./scripted-server.test.ts";

const refuse = ({ response }: Exchange, code: ConstructorParameters<typeof WireError>[0]): void => {
  const error = new WireError(code);
  reply(response, error.status, error.toBody());
};

/** Requests that this client made: `fetch` itself sends one again, over another connection, when it is answered by 421. */
function distinct(server: ScriptedServer): Exchange[] {
  const requests = new Map<unknown, Exchange>();
  for (const exchange of server.exchanges) {
    const nonce = exchange.request.headers[HEADERS.nonce];
    const first = requests.get(nonce);
    if (first) expectSame(first, exchange);
    else requests.set(nonce, exchange);
  }
  return [...requests.values()];
}

/** What `fetch` repeats is what was refused: the same bytes, under the same keys. */
function expectSame(first: Exchange, repeat: Exchange): void {
  expect(first.response.statusCode).toBe(421);
  expect(repeat.body.equals(first.body)).toBe(true);
  for (const name of [HEADERS.modelPublicKey, HEADERS.clientPublicKey]) {
    expect(repeat.request.headers[name]).toBe(first.request.headers[name]);
  }
}

/** The attestation that a chat says it rests on is the one whose key its answered request was sealed to. */
async function expectUsed(server: ScriptedServer, chat: Chat): Promise<void> {
  const answered = server.exchanges.filter(({ response }) => response.statusCode === 200);
  const keys = answered.map(({ request }) => request.headers[HEADERS.modelPublicKey]);
  expect(keys).toContain(toHex(chat.attestation.modelKey!));
  expect((await chat.outcome).attestation).toBe(chat.attestation);
}

const start = (server: ScriptedServer) => server.client().chat({ model: MODEL, messages: QUESTION });

describe("a key that no enclave holds any more", () => {
  it("421: attests again and sends once more, sealed to the new key under a new key pair", async () => {
    const server = await startServer({
      chat: async (exchange) => {
        if (exchange.messages.length === 0) refuse(exchange, "unknown_model_key");
        else exchange.stream(await exchange.events());
      },
    });
    const client = server.client();
    const before = await client.attest(MODEL);
    server.modelKey = backend.createKeyPair();
    const chat = await client.chat({ model: MODEL, messages: QUESTION });
    const { text, outcome } = await readAll(chat);
    expect([text, outcome.status]).toEqual([TEXT, "verified"]);
    expect(chat.attestation).not.toBe(before);
    expect(chat.attestation.nonce).not.toBe(before.nonce);
    expect(server.seen.findLast((path) => path.startsWith("tee/attestation"))).toContain(`nonce=${chat.attestation.nonce}`);
    await expectUsed(server, chat);
    // The enclave answered one request, and could open no other.
    expect(server.exchanges.filter(({ messages }) => messages.length > 0).map(({ response }) => response.statusCode)).toEqual([200]);
    const sent = distinct(server).map(({ request }) => request.headers);
    expect(sent.map((headers) => headers[HEADERS.modelPublicKey])).toEqual([toHex(before.modelKey!), toHex(server.modelKey.publicKey)]);
    expect(new Set(sent.map((headers) => headers[HEADERS.clientPublicKey])).size).toBe(2);
    expect(server.count("tee/attestation")).toBe(2);
  });

  it("421 as other servers say it, without a body that can be read", async () => {
    let first = true;
    const server = await startServer({
      chat: async (exchange) => exchange.stream(await exchange.events()),
    });
    const fetchOnce421 = (url: string, init: RequestInit) => {
      if (!url.endsWith("chat/completions") || !first) return fetch(url, init);
      first = false;
      return Promise.resolve(new Response("gone", { status: 421 }));
    };
    const client = server.client({ fetch: fetchOnce421 });
    expect((await readAll(await client.chat({ model: MODEL, messages: QUESTION }))).outcome.status).toBe("verified");
    expect(server.count("tee/attestation")).toBe(2);
  });

  it("421 on one connection only: fetch's own repeat of the same bytes is answered, nothing is attested or sealed anew", async () => {
    const server = await startServer({
      chat: async (exchange) => {
        if (server.exchanges.length === 1) refuse(exchange, "unknown_model_key");
        else exchange.stream(await exchange.events());
      },
    });
    const chat = await start(server);
    expect((await readAll(chat)).outcome.status).toBe("verified");
    expect(server.exchanges.map(({ response }) => response.statusCode)).toEqual([421, 200]);
    expect(distinct(server).length).toBe(1);
    expect(server.count("tee/attestation")).toBe(1);
    await expectUsed(server, chat);
  });

  it("an enclave that is stopping: attests again, and sends once more if another one serves", async () => {
    const server = await startServer({
      chat: async (exchange) => {
        if (server.exchanges.length === 1) refuse(exchange, "shutting_down");
        else exchange.stream(await exchange.events());
      },
    });
    const client = server.client();
    await client.attest(MODEL);
    server.modelKey = backend.createKeyPair();
    const { text, outcome } = await readAll(await client.chat({ model: MODEL, messages: QUESTION }));
    expect([text, outcome.status]).toEqual([TEXT, "verified"]);
    expect(server.exchanges.length).toBe(2);
  });

  it("an enclave that is stopping, and no other: nothing is sent again", async () => {
    const server = await startServer({ chat: (exchange) => refuse(exchange, "shutting_down") });
    expect(await rejection(start(server))).toMatchObject({ code: "server_error", action: "retry" });
    expect(server.exchanges.length).toBe(1);
  });

  it("421 twice: an error that says to attest again, nothing sent a third time", async () => {
    const server = await startServer({ chat: (exchange) => refuse(exchange, "unknown_model_key") });
    const error = await rejection(start(server));
    expect(error).toMatchObject({ code: "server_error", action: "re-attest", details: { server: { status: 421 } } });
    expect(distinct(server).length).toBe(2);
    expect(server.count("tee/attestation")).toBe(2);
  });

  it("421, then evidence that is not acceptable: nothing more is sent", async () => {
    let attested = 0;
    const server = await startServer({
      attestation: (honest) => (++attested === 1 ? honest : { ...honest, intel_quote: "00".repeat(5000) }),
      chat: (exchange) => refuse(exchange, "unknown_model_key"),
    });
    expect(await rejection(start(server))).toMatchObject({ code: "attestation_refused" });
    expect(distinct(server).length).toBe(1);
  });

  it("a request that did not open is sent again only to another key", async () => {
    const server = await startServer({
      chat: async (exchange) => {
        if (exchange.messages.length === 0) refuse(exchange, "field_not_opened");
        else exchange.stream(await exchange.events());
      },
    });
    const client = server.client();
    await client.attest(MODEL);
    server.modelKey = backend.createKeyPair();
    expect((await readAll(await client.chat({ model: MODEL, messages: QUESTION }))).outcome.status).toBe("verified");

    server.exchanges.length = 0;
    server.script.chat = (exchange) => refuse(exchange, "field_not_opened");
    expect(await rejection(client.chat({ model: MODEL, messages: QUESTION }))).toMatchObject({ code: "server_error", action: "re-attest" });
    expect(server.exchanges.length).toBe(1);
  });

  it("one chat's 421 does not discard the key that another chat has renewed", async () => {
    const server = await startServer({
      chat: async (exchange) => {
        if (exchange.messages.length === 0) refuse(exchange, "unknown_model_key");
        else exchange.stream(await exchange.events());
      },
    });
    const client = server.client();
    await client.attest(MODEL);
    server.modelKey = backend.createKeyPair();
    const chats = await Promise.all(Array.from({ length: 10 }, () => client.chat({ model: MODEL, messages: QUESTION })));
    const all = await Promise.all(chats.map(readAll));
    expect(all.map(({ outcome }) => outcome.status)).toEqual(all.map(() => "verified"));
    for (const chat of chats) await expectUsed(server, chat);
    // One for the old key and at least one for the new; a caller who is late joins or uses it.
    expect(server.count("tee/attestation")).toBe(2);
  });

  it.each(["overloaded", "rate_limited", "engine_failed", "internal", "unauthorized"] as const)("%s is not sent again", async (code) => {
    const server = await startServer({ chat: (exchange) => refuse(exchange, code) });
    expect(await rejection(start(server))).toMatchObject({ code: "server_error", details: { server: { code } } });
    expect(server.exchanges.length).toBe(1);
    expect(server.count("tee/attestation")).toBe(1);
  });

  it("a stream that began is never sent again", async () => {
    const server = await startServer({
      async chat(exchange) {
        const events = await exchange.events();
        exchange.stream([...events.slice(0, 3), `data: ${JSON.stringify({ error: { code: "unknown_model_key", message: "x" } })}\n\n`]);
      },
    });
    const { outcome } = await readAll(await start(server));
    expect(outcome).toMatchObject({ status: "incomplete", reason: expect.stringContaining("No enclave holds this model key") });
    expect(server.exchanges.length).toBe(1);
    expect(server.count("tee/attestation")).toBe(1);
  });
});

describe("a key pinned by evidence alone", () => {
  it("is what the request is sealed to, whatever the answer calls itself", async () => {
    const other = backend.createKeyPair();
    const server = await startServer({
      attestation: (_honest, request) => honestAttestation(queryOf(request), other),
    });
    const chat = await start(server);
    expect(toHex(chat.attestation.modelKey!)).toBe(toHex(other.publicKey));
    // Another key signs the receipt, and the enclave cannot even open the request.
    expect(server.exchanges[0]?.messages).toEqual([]);
    const { outcome } = await readAll(chat);
    expect(outcome.status).toBe("unverified");
  });
});
