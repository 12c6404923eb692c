import { createHash } from "node:crypto";
import { appraise, parseAttestationAnswer, parsePolicy } from "@bauta/attestation";
import { parseHex, toHex } from "@bauta/protocol";
import { createSimulator } from "@bauta/simulator";
import { afterEach, describe, expect, it } from "vitest";
import { errorReply, ScriptedEnclave } from "./testing/scripted-enclave.ts";
import { postChat, readText, startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const NONCE = "0123456789abcdef".repeat(4);
const simulator = createSimulator({ nowMs: Date.now() });
/** A machine whose root is trusted as well, but with one fault. */
const withFault = (options: Omit<Parameters<typeof createSimulator>[0], "nowMs">) => createSimulator({ nowMs: Date.now(), ...options });
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.close();
});

async function start(
  source = simulator,
  overrides: Parameters<typeof startTestGateway>[2] = {},
): Promise<{ enclave: ScriptedEnclave; target: TestGateway }> {
  const enclave = await ScriptedEnclave.start(source);
  running.push({ close: () => enclave.kill() });
  const target = await startTestGateway(
    simulator,
    { "tee-test": [enclave.origin], "e2ee-test": [enclave.origin] },
    { trustRoots: [simulator.rootDer, source.rootDer], ...overrides },
  );
  running.push({ close: () => target.gateway.close() });
  return { enclave, target };
}

/** As much of the answer's shape as the tests look into. */
interface Check {
  readonly id: string;
  readonly status: string;
  readonly reason: string;
}
interface Answer {
  readonly [member: string]: unknown;
  readonly server_verification: {
    readonly tdx: { readonly reportData: string; readonly measurements: { readonly mrtd: string }; readonly crlCheck: object };
    readonly checks: readonly Check[];
    readonly verifiedAt: string;
  };
  readonly error: { readonly message: string };
}
async function ask(target: TestGateway, query: string): Promise<{ status: number; body: Answer }> {
  const answer = await target.fetch(`/api/v1/tee/attestation?${query}`);
  return { status: answer.status, body: (await answer.json()) as Answer };
}

describe("an attestation answer", () => {
  it("has the documented members, and convinces a client that trusts only the root", async () => {
    const { enclave, target } = await start();
    const { status, body } = await ask(target, `model=e2ee-test&nonce=${NONCE}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      verified: true,
      nonce: NONCE,
      nonce_source: "client",
      request_nonce: NONCE,
      model: "e2ee-test",
      tee_provider: "simulator",
      signing_key: enclave.key,
      signing_public_key: enclave.key,
      signing_algo: "ecdsa",
    });
    expect(body["signing_address"]).toMatch(/^0x[0-9a-f]{40}$/);
    const evidence = parseAttestationAnswer(body);
    const result = await appraise({
      evidence,
      endorsements: evidence.endorsements,
      policy: parsePolicy(simulator.policy("x")),
      nonce: { query: NONCE, sealed: true },
      nowMs: Date.now(),
      trustRoots: [simulator.rootDer],
    });
    expect(result.ok).toBe(true);
  });

  it("states the gateway's verdict, and of what was not checked that it was not", async () => {
    const { target } = await start();
    const { body } = await ask(target, `model=e2ee-test&nonce=${NONCE}`);
    const verification = body.server_verification;
    expect(verification).toMatchObject({
      tdx: { valid: true, signatureValid: true, certificateChainValid: true, rootCaPinned: false, attestationKeyMatch: true },
      nvidia: null,
      signingAddressBinding: { bound: true, reportDataAddress: body["signing_address"] },
      nonceBinding: { bound: true, method: "raw" },
      simulated: true,
      pinned: true,
    });
    expect(verification.tdx.reportData.slice(64)).toBe(NONCE);
    expect(verification.tdx.measurements.mrtd).toMatch(/^[0-9a-f]{96}$/);
    const unmade = verification.checks.filter((check) => check.status === "not-checked");
    expect(unmade.length).toBeGreaterThan(0);
    for (const check of unmade) expect(check.reason).not.toBe("");
    // Nothing that was not checked may read as if it had been.
    const status = (id: string) => verification.checks.find((check) => check.id === id)?.status;
    if (status("tdx.pck-crl") === "not-checked") expect(verification.tdx.crlCheck).toEqual({ checked: false, revoked: null });
    expect(Date.parse(verification.verifiedAt)).toBeGreaterThan(Date.now() - 60_000);
  });

  it("carries the quote as base64, or as hex when asked or configured", async () => {
    const { target } = await start();
    const base64 = (await ask(target, `model=e2ee-test&nonce=${NONCE}`)).body["intel_quote"] as string;
    const hex = (await ask(target, `model=e2ee-test&nonce=${NONCE}&quote_encoding=hex`)).body["intel_quote"] as string;
    expect(toHex(Buffer.from(base64, "base64")).slice(0, 96)).toBe(hex.slice(0, 96));
    expect(parseHex(hex, 64 * 1024)).toBeDefined();
    const configured = await start(simulator, { quoteEncoding: "hex" });
    expect((await ask(configured.target, "model=tee-test")).body["intel_quote"]).toMatch(/^[0-9a-f]+$/);
    expect((await ask(target, `model=e2ee-test&nonce=${NONCE}&quote_encoding=base58`)).body).toMatchObject({
      error: { code: "invalid_field", param: "quote_encoding" },
    });
  });

  it("binds a short nonce of a tee model by its hash, as received", async () => {
    const { target } = await start();
    const { body } = await ask(target, "model=tee-test&nonce=00112233445566778899AABBCCDDEEFF");
    expect(body).toMatchObject({
      verified: true,
      nonce: "00112233445566778899AABBCCDDEEFF",
      server_verification: { nonceBinding: { bound: true, method: "sha256" } },
    });
    expect(body.server_verification.tdx.reportData.slice(64)).toBe(
      createHash("sha256").update("00112233445566778899AABBCCDDEEFF").digest("hex"),
    );
  });

  it("makes a fresh nonce where the caller sends none", async () => {
    const { target } = await start();
    const [a, b] = await Promise.all([ask(target, "model=e2ee-test"), ask(target, "model=e2ee-test")]);
    expect(a.body).toMatchObject({ verified: true, nonce_source: "server" });
    expect(a.body["nonce"]).toMatch(/^[0-9a-f]{64}$/);
    expect(a.body["nonce"]).not.toBe(b.body["nonce"]);
  });

  it.each([
    [`model=e2ee-test&nonce=${NONCE.slice(2)}`, 400, "invalid_nonce", "nonce"],
    [`model=e2ee-test&nonce=${"zz".repeat(32)}`, 400, "invalid_nonce", "nonce"],
    ["model=e2ee-test&nonce=", 400, "invalid_nonce", "nonce"],
    [`model=e2ee-test&nonce=${NONCE}&nonce=${NONCE}`, 400, "invalid_nonce", "nonce"],
    [`model=tee-test&nonce=${"a".repeat(300)}`, 400, "invalid_field", "nonce"],
    ["model=tee-test&nonce=a%0d%0ab", 400, "invalid_field", "nonce"],
    ["nonce=00", 400, "missing_field", "model"],
    ["model=tee-test&model=e2ee-test", 400, "invalid_field", "model"],
    ["model=tee-none", 404, "model_not_found", "model"],
    ["model=tee-test&include_tls_fingerprint=true", 400, "unsupported_field", "include_tls_fingerprint"],
  ])("is refused for %.60s", async (query, status, code, param) => {
    const { target } = await start();
    expect(await ask(target, query)).toMatchObject({ status, body: { error: { code, param } } });
  });

  it("says the documented words about a nonce of the wrong length", async () => {
    const { target } = await start();
    expect((await ask(target, "model=e2ee-test&nonce=00")).body.error.message).toBe("Nonce must be exactly 32 bytes");
  });
});

describe("an enclave that cannot prove itself", () => {
  const DOCUMENTED = {
    attestation_failed: "TEE attestation verification failed",
    nonce_mismatch: "Attestation nonce mismatch",
    debug_mode: "TDX debug mode detected",
  };
  it.each<[keyof typeof DOCUMENTED, string, Parameters<typeof withFault>[0]]>([
    ["debug_mode", "runs under debug", { debug: true }],
    [
      "nonce_mismatch",
      "answers another nonce",
      { faults: { reportData: (asked) => Uint8Array.from(asked, (byte, i) => (i === 63 ? byte ^ 1 : byte)) } },
    ],
    [
      "attestation_failed",
      "binds another key",
      { faults: { reportData: (asked) => Uint8Array.from(asked, (byte, i) => (i === 0 ? byte ^ 1 : byte)) } },
    ],
    ["attestation_failed", "runs another build", { buildName: "other" }],
    ["attestation_failed", "has a chain to another root of the same name", { faults: { foreignRoot: true } }],
    ["attestation_failed", "has a quote that its key did not sign", { faults: { foreignQuoteSigner: true } }],
    ["attestation_failed", "has half a quote", { faults: { quoteBytes: (quote) => quote.subarray(0, 300) } }],
  ])("is refused as %s when it %s, and gets no prompt", async (code, _why, fault) => {
    const { enclave, target } = await start(withFault(fault));
    const error = { code, message: DOCUMENTED[code], type: "tee_error", param: null };
    expect(await ask(target, `model=e2ee-test&nonce=${NONCE}`)).toEqual({ status: 502, body: { error } });
    const chat = await postChat(target, '{"model":"tee-test","messages":[]}');
    expect(chat.statusCode).toBe(502);
    expect(JSON.parse(await readText(chat))).toEqual({ error });
    expect(enclave.requests).toHaveLength(0);
    const { data } = (await (await target.fetch("/v1/models")).json()) as { data: { model_spec: { offline: boolean } }[] };
    expect(data.map((model) => model.model_spec.offline)).toEqual([true, true]);
    expect((await fetch(`${target.operatorUrl}/readyz`)).status).toBe(503);
    expect((await fetch(`${target.operatorUrl}/healthz`)).status).toBe(200);
  });

  it.each<[string, number, string, (answer: Record<string, unknown>) => { status: number; body: unknown }]>([
    [
      "no quote but verified: true",
      502,
      "attestation_failed",
      (answer) => ({ status: 200, body: { ...answer, intel_quote: "", verified: true } }),
    ],
    [
      "a foreign key beside its own address",
      502,
      "attestation_failed",
      (answer) => ({ status: 200, body: { ...answer, signing_key: `04${"11".repeat(64)}` } }),
    ],
    ["another nonce in its answer", 502, "nonce_mismatch", (answer) => ({ status: 200, body: { ...answer, nonce: "ff".repeat(32) } })],
    ["a list", 502, "attestation_failed", () => ({ status: 200, body: [] })],
    ["an error of its own", 404, "model_not_found", () => errorReply("model_not_found")],
    ["an error in no known shape", 503, "enclave_unreachable", () => ({ status: 500, body: "boom" })],
    ["a redirect", 503, "enclave_unreachable", () => ({ status: 302, body: { error: {} } })],
    [
      "ten megabytes",
      503,
      "enclave_unreachable",
      (answer) => ({ status: 200, body: { ...answer, padding: "x".repeat(10 * 1024 * 1024) } }),
    ],
  ])("is refused when it answers with %s", async (_name, status, code, tamper) => {
    const { enclave, target } = await start();
    await target.gateway.firstVerification();
    enclave.tamper = tamper;
    expect(await ask(target, `model=e2ee-test&nonce=${NONCE}`)).toMatchObject({ status, body: { error: { code } } });
  });

  it("is given no work while it fails, and work again once it passes", async () => {
    const faulty = withFault({ debug: true });
    const { enclave, target } = await start(faulty, { attestation: { timeoutMs: 2_000, intervalMs: 50 } });
    await target.gateway.firstVerification();
    expect(target.gateway.replicas()).toMatchObject([{ state: "refused", reasons: ["td.debug-off"] }, { state: "refused" }]);
    enclave.source = simulator;
    await expect.poll(async () => (await postChat(target, '{"model":"tee-test"}')).statusCode).toBe(200);
    enclave.source = faulty;
    await expect.poll(async () => (await postChat(target, '{"model":"tee-test"}')).statusCode).toBe(502);
    // The other model of the same enclave is looked at by itself.
    await expect.poll(async () => (await fetch(`${target.operatorUrl}/readyz`)).status).toBe(503);
  });
});

describe("routing by key", () => {
  const sealed = (key: string) => ({
    "x-venice-tee-model-pub-key": key,
    "x-venice-tee-client-pub-key": key,
    "x-venice-tee-signing-algo": "ecdsa",
  });
  const BODY = '{"model":"e2ee-test","messages":[],"stream":true}';

  async function startTwo() {
    const enclaves = [await ScriptedEnclave.start(simulator), await ScriptedEnclave.start(simulator)] as const;
    for (const enclave of enclaves) running.push({ close: () => enclave.kill() });
    const target = await startTestGateway(simulator, { "e2ee-test": enclaves.map(({ origin }) => origin) });
    running.push({ close: () => target.gateway.close() });
    await target.gateway.firstVerification();
    return { enclaves, target };
  }

  it("sends a sealed request to the enclave that holds its key, however the key is written", async () => {
    const { enclaves, target } = await startTwo();
    for (const enclave of enclaves) {
      const { key } = enclave;
      for (const written of [key, key.toUpperCase(), key.slice(2), `0x${key}`, `0x${key.slice(2)}`]) {
        expect((await postChat(target, BODY, sealed(written))).statusCode).toBe(200);
      }
      expect(enclave.requests).toHaveLength(5);
    }
  });

  it("answers 421 for a key that nobody holds, 400 for what is no key", async () => {
    const { enclaves, target } = await startTwo();
    const unknown = await postChat(target, BODY, sealed(`04${"22".repeat(64)}`));
    expect(unknown.statusCode).toBe(421);
    expect(JSON.parse(await readText(unknown))).toMatchObject({ error: { code: "unknown_model_key" } });
    for (const bad of ["", "04", `02${"22".repeat(32)}`, `06${"22".repeat(64)}`, "zz".repeat(65)]) {
      const answer = await postChat(target, BODY, sealed(bad));
      expect([bad, answer.statusCode]).toEqual([bad, 400]);
      expect(await readText(answer)).toContain("Invalid public key");
    }
    expect(enclaves.flatMap(({ requests }) => requests)).toHaveLength(0);
  });

  it("knows a restarted enclave's key as soon as it has attested it", async () => {
    const {
      enclaves: [enclave, other],
      target,
    } = await startTwo();
    await other.kill();
    const old = enclave.key;
    enclave.restart();
    const { body } = await ask(target, `model=e2ee-test&nonce=${NONCE}`).then(async (first) =>
      first.status === 200 ? first : ask(target, `model=e2ee-test&nonce=${NONCE}`),
    );
    expect(body["signing_key"]).toBe(enclave.key);
    expect((await postChat(target, BODY, sealed(enclave.key))).statusCode).toBe(200);
    expect((await postChat(target, BODY, sealed(old))).statusCode).toBe(421);
  });

  it("learns a key that another gateway attested, by looking again", async () => {
    const {
      enclaves: [enclave],
      target,
    } = await startTwo();
    enclave.restart();
    // Looks follow each other at a distance, so that unknown keys cannot make the gateway busy.
    await expect
      .poll(async () => (await postChat(target, BODY, sealed(enclave.key))).statusCode, { timeout: 10_000, interval: 250 })
      .toBe(200);
    const before = enclave.attestations;
    for (let i = 0; i < 20; i++) expect((await postChat(target, BODY, sealed(`04${"22".repeat(64)}`))).statusCode).toBe(421);
    expect(enclave.attestations - before).toBeLessThanOrEqual(1);
  });

  it("asks another enclave when one is stopping, and says so when all are", async () => {
    const { enclaves, target } = await startTwo();
    const [stopping, other] = enclaves;
    const stop = () => errorReply("shutting_down");
    stopping.tamper = stop;
    for (let i = 0; i < 4; i++) {
      const { status, body } = await ask(target, `model=e2ee-test&nonce=${NONCE}`);
      expect([status, body["signing_key"]]).toEqual([200, other.key]);
    }
    other.tamper = stop;
    expect(await ask(target, `model=e2ee-test&nonce=${NONCE}`)).toMatchObject({ status: 503, body: { error: { code: "shutting_down" } } });
  });

  it("answers 421 for the key of an enclave that is gone, as long as another one serves", async () => {
    const { enclaves, target } = await startTwo();
    const [gone, other] = enclaves;
    await gone.kill();
    expect((await postChat(target, BODY, sealed(gone.key))).statusCode).toBe(421);
    expect((await postChat(target, BODY, sealed(other.key))).statusCode).toBe(200);
  });

  it("sends nothing sealed to an enclave that holds the key but no longer passes", async () => {
    const faulty = withFault({ debug: true });
    const { enclave, target } = await start(simulator, {
      trustRoots: [simulator.rootDer, faulty.rootDer],
      attestation: { timeoutMs: 2_000, intervalMs: 20 },
    });
    await target.gateway.firstVerification();
    enclave.source = faulty;
    await expect.poll(() => target.gateway.replicas().map(({ state }) => state)).toEqual(["refused", "refused"]);
    const answer = await postChat(target, BODY, sealed(enclave.key));
    expect([answer.statusCode, JSON.parse(await readText(answer))]).toMatchObject([502, { error: { code: "debug_mode" } }]);
    expect(enclave.requests).toHaveLength(0);
  });

  it("passes an enclave's own 421 on unchanged", async () => {
    const {
      enclaves: [enclave],
      target,
    } = await startTwo();
    const { status, body } = errorReply("unknown_model_key");
    enclave.chat = (_seen, response) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    const answer = await postChat(target, BODY, sealed(enclave.key));
    expect([answer.statusCode, await readText(answer)]).toEqual([421, JSON.stringify(body)]);
  });

  it("spreads plain requests over enclaves by what they are doing", async () => {
    const enclaves = [await ScriptedEnclave.start(simulator), await ScriptedEnclave.start(simulator)] as const;
    for (const enclave of enclaves) running.push({ close: () => enclave.kill() });
    const target = await startTestGateway(simulator, { "tee-test": enclaves.map(({ origin }) => origin) });
    running.push({ close: () => target.gateway.close() });
    await target.gateway.firstVerification();
    for (const enclave of enclaves) enclave.chat = (_seen, response) => response.writeHead(200).flushHeaders();
    const answers = [];
    for (let i = 0; i < 6; i++) answers.push(await postChat(target, '{"model":"tee-test"}'));
    expect(enclaves.map(({ requests }) => requests.length)).toEqual([3, 3]);
    for (const answer of answers) answer.destroy();
  });
});
