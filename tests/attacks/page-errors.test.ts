import type { Platform } from "@bauta/enclave";
import { HEADERS, toHex } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { sealRequest } from "@bauta/protocol/client";
import type { SimulatorOptions } from "@bauta/simulator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEchoEngine } from "./echo-engine.ts";
import { E2EE_MODEL, type Stack, startStack, TEE_MODEL } from "./private-stack.ts";

const engine = createEchoEngine();
const NONCE = "5a".repeat(32);
const attestation = (model: string, nonce = NONCE) => `/tee/attestation?model=${model}&nonce=${nonce}`;

async function problem(response: Response): Promise<object> {
  const { error } = (await response.json()) as { error: { message: string; type: string; code: string; param: string | null } };
  return { status: response.status, message: error.message, param: error.param };
}

/** Texts and statuses of the published API, to the letter, through the real gateway. */
describe("errors that a client's mistake causes", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ engine });
  });
  afterAll(() => stack?.close());

  /** A sealed request as it should be, for a test to spoil. */
  async function prepare(): Promise<{
    headers: Record<string, string>;
    body: { messages: { role: string; content: unknown }[]; [member: string]: unknown };
  }> {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Ciao" },
      { role: "user", content: "Come stai?" },
    ];
    const { headers, body } = await sealRequest({ model: E2EE_MODEL, messages }, { backend, modelKey: stack.enclave.publicKey });
    return {
      headers: { ...headers },
      body: JSON.parse(new TextDecoder().decode(body)) as { messages: { role: string; content: string }[] },
    };
  }
  const post = async (headers: Record<string, string>, body: object) =>
    problem(await stack.fetch("/chat/completions", { method: "POST", headers, body: JSON.stringify(body) }));

  it("as it should be, a request is answered", async () => {
    const { headers, body } = await prepare();
    const response = await stack.fetch("/chat/completions", { method: "POST", headers, body: JSON.stringify(body) });
    expect([response.status, (await response.text()).includes("data: [DONE]")]).toEqual([200, true]);
  });

  it.each([
    ["stream: false", { stream: false }],
    ["no stream", { stream: undefined }],
  ])("E2EE requires streaming: %s", async (_what, change) => {
    const { headers, body } = await prepare();
    expect(await post(headers, { ...body, ...change })).toEqual({ status: 400, message: "E2EE requires streaming", param: "stream" });
  });

  it.each([
    ["plaintext", () => "Come stai?"],
    ["an odd number of digits", (envelope: string) => envelope.slice(0, -1)],
    ["a character that is no digit", (envelope: string) => `${envelope.slice(0, -1)}g`],
    ["under 186 digits", () => "00".repeat(92)],
    ["nothing", () => ""],
    ["no text", () => null],
  ])("Encrypted field is not valid hex: %s", async (_what, spoil) => {
    const { headers, body } = await prepare();
    const last = body.messages[2] as { content: unknown };
    last.content = spoil(String(last.content));
    expect(await post(headers, body)).toEqual({ status: 400, message: "Encrypted field is not valid hex", param: "messages[2].content" });
  });

  it.each([
    ["a turned bit in its tag", (envelope: string) => envelope.slice(0, -1) + (Number.parseInt(envelope.slice(-1), 16) ^ 1).toString(16)],
    [
      "a turned bit in its nonce",
      (envelope: string) =>
        `${envelope.slice(0, 140)}${(Number.parseInt(envelope.slice(140, 141), 16) ^ 1).toString(16)}${envelope.slice(141)}`,
    ],
    ["a sender that is no point", (envelope: string) => `04${"00".repeat(64)}${envelope.slice(130)}`],
    ["a compressed sender", (envelope: string) => `02${envelope.slice(2)}`],
    ["a byte less", (envelope: string) => envelope.slice(0, -2)],
    ["random bytes", () => toHex(backend.randomBytes(120))],
  ])("Failed to decrypt field: %s", async (_what, spoil) => {
    const { headers, body } = await prepare();
    const second = body.messages[1] as { content: unknown };
    second.content = spoil(String(second.content));
    expect(await post(headers, body)).toEqual({ status: 400, message: "Failed to decrypt field", param: "messages[1].content" });
  });

  it("Failed to decrypt field: sealed to another enclave's key", async () => {
    const { headers } = await prepare();
    const other = await sealRequest(
      { model: E2EE_MODEL, messages: [{ role: "user", content: "Ciao" }] },
      { backend, modelKey: backend.createKeyPair().publicKey },
    );
    expect(await post(headers, JSON.parse(new TextDecoder().decode(other.body)) as object)).toEqual({
      status: 400,
      message: "Failed to decrypt field",
      param: "messages[0].content",
    });
  });

  const point = () => toHex(backend.createKeyPair().publicKey);
  it.each([
    ["compressed", () => `02${point().slice(2, 66)}`],
    ["without its 04", () => point().slice(2)],
    ["with 0x", () => `0x${point()}`],
    ["hybrid", () => `06${point().slice(2)}`],
    ["off the curve", () => `${point().slice(0, -8)}deadbeef`],
    ["at infinity", () => `04${"00".repeat(64)}`],
    ["not hex", () => `04${"zz".repeat(64)}`],
    ["empty", () => ""],
  ])("Invalid public key: a client key %s", async (_what, key) => {
    const { headers, body } = await prepare();
    expect(await post({ ...headers, [HEADERS.clientPublicKey]: key() }, body)).toEqual({
      status: 400,
      message: "Invalid public key",
      param: "x-venice-tee-client-pub-key",
    });
  });

  it("Invalid public key: a model key that is none", async () => {
    const { headers, body } = await prepare();
    expect(await post({ ...headers, [HEADERS.modelPublicKey]: "04abcd" }, body)).toMatchObject({
      status: 400,
      message: "Invalid public key",
      param: expect.stringMatching(/^x-venice-tee-model-pub-key$/i) as string,
    });
  });

  it.each([
    ["16 bytes", "ab".repeat(16)],
    ["33 bytes", "ab".repeat(33)],
    ["not hex", "zz".repeat(32)],
    ["a word", "fresh"],
  ])("Nonce must be exactly 32 bytes: %s, for an e2ee-* model", async (_what, nonce) => {
    expect(await problem(await stack.fetch(attestation(E2EE_MODEL, nonce)))).toEqual({
      status: 400,
      message: "Nonce must be exactly 32 bytes",
      param: "nonce",
    });
    expect((await stack.fetch(attestation(TEE_MODEL, nonce))).status, "a tee-* model takes it").toBe(200);
  });
});

describe.each<[message: string, why: string, simulator: Omit<SimulatorOptions, "nowMs">]>([
  ["TEE attestation verification failed", "its quote is signed by somebody else", { faults: { foreignQuoteSigner: true } }],
  ["TEE attestation verification failed", "its root is not the one that was named", { faults: { foreignRoot: true } }],
  ["TEE attestation verification failed", "its certificate has expired", { faults: { expiredCertificate: "pck" } }],
  ["TEE attestation verification failed", "its firmware is another", { faults: { measurements: { mrtd: "00".repeat(48) } } }],
  ["TEE attestation verification failed", "its quote is garbage", { faults: { quoteBytes: (quote) => quote.subarray(0, 100) } }],
  ["Attestation nonce mismatch", "it answers another nonce", { faults: { reportData: (asked) => new Uint8Array(asked).fill(7, 32) } }],
  ["TDX debug mode detected", "it runs in debug mode", { debug: true }],
])("%s: an enclave of which %s", (message, _why, simulator) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ engine, simulator });
  });
  afterAll(() => stack?.close());

  it("is attested to nobody, and gets no request", async () => {
    const before = engine.requests.length;
    for (const model of [E2EE_MODEL, TEE_MODEL]) {
      expect(await problem(await stack.fetch(attestation(model)))).toEqual({ status: 502, message, param: null });
      const { headers, body } = await sealRequest(
        { model, messages: [{ role: "user", content: "Ciao" }] },
        { backend, modelKey: stack.enclave.publicKey },
      );
      const plain = JSON.stringify({ model, messages: [{ role: "user", content: "Ciao" }] });
      const chat = model === E2EE_MODEL ? { headers: { ...headers }, body: new TextDecoder().decode(body) } : { body: plain };
      expect(await problem(await stack.fetch("/chat/completions", { method: "POST", ...chat })), model).toEqual({
        status: 502,
        message,
        param: null,
      });
    }
    expect(engine.requests.length).toBe(before);
  });
});

describe("TEE attestation verification failed: an enclave whose platform fails", () => {
  it("is told apart from a client's mistake, without the platform's own words", async () => {
    let broken = false;
    const platform = (simulator: Platform): Platform => ({
      ...simulator,
      quote: (data) => (broken ? Promise.reject(new Error("secret device path")) : simulator.quote(data)),
    });
    const stack = await startStack({ engine, platform });
    try {
      broken = true;
      const response = await stack.fetch(attestation(E2EE_MODEL));
      expect(response.status).toBeGreaterThanOrEqual(500);
      expect(await response.text()).not.toContain("device path");
    } finally {
      await stack.close();
    }
  });
});
