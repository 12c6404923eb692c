import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { EnclaveSetupError } from "./setup-error.ts";
import { canonical, signerOf } from "./testing/independent-client.ts";
import { NOW_MS, sayHello, scriptedEngine, startEnclave } from "./testing/running-enclave.ts";

const NONCE = "ab".repeat(32);
const weights = [{ name: "größe.gguf", sha256: "cd".repeat(32) }];

interface Answer {
  readonly keys: string;
  readonly keys_signature: string;
}
async function ask(url: string, query: string): Promise<Answer> {
  return (await (await fetch(`${url}/v1/tee/attestation?${query}`)).json()) as Answer;
}

describe("the keys statement", () => {
  it("is signed for each model and nonce, in the words of an independent reader", async () => {
    const engine = scriptedEngine(sayHello);
    const models = [
      { id: "tee-demo", engine },
      { id: "e2ee-demo", engine, weights, engineImageDigest: "ef".repeat(32) },
    ];
    const { url, enclave } = await startEnclave(engine, { models });
    const sealed = await ask(url, `model=e2ee-demo&nonce=${NONCE.toUpperCase()}`);
    // RFC 9458 §3: key 0, X25519, a key of 32 bytes, one suite of HKDF-SHA256 and AES-256-GCM.
    const { hpke_key_config: keyConfig } = JSON.parse(sealed.keys) as { hpke_key_config: string };
    expect(keyConfig).toMatch(/^000020[0-9a-f]{64}000400010002$/);
    const statement = {
      nonce: NONCE,
      model: "e2ee-demo",
      versions: ["1", "2"],
      key_origin: "boot",
      hpke_key_config: keyConfig,
      gpu_evidence_sha256: null,
      weights,
      engine: { name: "scripted", image_digest: "ef".repeat(32) },
      // A minute before the key for sealed bodies opens nothing any more.
      not_after: NOW_MS / 1000 + 86_400 - 60,
    };
    expect(sealed.keys).toBe(canonical(statement));
    expect(signerOf(`bauta/keys/1\n${sealed.keys}`, sealed.keys_signature)).toBe(enclave.address);

    // A nonce that is no 32 bytes stands there as REPORTDATA binds it.
    const plain = await ask(url, "model=tee-demo&nonce=hello");
    const nonce = createHash("sha256").update("hello").digest("hex");
    const engineAlone = { name: "scripted", image_digest: null };
    expect(plain.keys).toBe(canonical({ ...statement, nonce, model: "tee-demo", weights: null, engine: engineAlone }));
    expect(signerOf(`bauta/keys/1\n${plain.keys}`, plain.keys_signature)).toBe(enclave.address);
  });

  it("says the same of weights and engine as a receipt does", async () => {
    const engine = scriptedEngine(sayHello);
    const { url, post } = await startEnclave(engine, { models: [{ id: "tee-demo", engine, weights, engineImageDigest: "ef".repeat(32) }] });
    const response = await post({ model: "tee-demo", messages: [{ role: "user", content: "hi" }] });
    await response.arrayBuffer();
    const id = response.headers.get("bauta-request-id");
    const { receipt } = (await (await fetch(`${url}/v1/tee/signature?model=tee-demo&request_id=${id}`)).json()) as { receipt: object };
    const { keys } = await ask(url, `model=tee-demo&nonce=${NONCE}`);
    const said = JSON.parse(keys) as { weights: unknown; engine: unknown };
    expect(receipt).toMatchObject({ weights: said.weights, engine: said.engine });
  });

  it.each([
    ["a digest in upper case", { weights: [{ name: "a", sha256: "CD".repeat(32) }] }, "weights"],
    ["a file without a name", { weights: [{ name: "", sha256: "cd".repeat(32) }] }, "weights"],
    ["an image digest with its algorithm", { engineImageDigest: `sha256:${"ef".repeat(32)}` }, "engine"],
  ])("is one that clients take, or the enclave does not start: %s", async (_name, options, member) => {
    const engine = scriptedEngine(sayHello);
    const starting = startEnclave(engine, { models: [{ id: "e2ee-demo", engine, ...options }] });
    await expect(starting).rejects.toThrow(EnclaveSetupError);
    await expect(starting).rejects.toMatchObject({
      code: "invalid-option",
      message: `the model "e2ee-demo" cannot be described to clients: its keys statement has no valid ${member}`,
    });
  });
});

describe("a TLS fingerprint", () => {
  it("is not bound, since nothing here ends TLS: asking for it is an error, not the usual answer", async () => {
    const { url } = await startEnclave(scriptedEngine(sayHello));
    const status = async (value: string) =>
      fetch(`${url}/v1/tee/attestation?model=tee-demo&nonce=${NONCE}&include_tls_fingerprint=${value}`);
    const refused = await status("true");
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { code: "unsupported_field", param: "include_tls_fingerprint" } });
    for (const value of ["1", "TRUE", ""]) expect((await status(value)).status).toBe(400);
    expect((await status("false")).status).toBe(200);
  });
});
