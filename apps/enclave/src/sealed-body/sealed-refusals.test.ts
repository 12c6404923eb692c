import { describe, expect, it } from "vitest";
import { createEhbpClient } from "../testing/ehbp-client.ts";
import { NOW_MS, sayHello, scriptedEngine, startEnclave } from "../testing/running-enclave.ts";
import { ask, binding, post } from "../testing/sealed-chat.ts";

describe("what is wrong with a sealed request", () => {
  async function start(options: Parameters<typeof startEnclave>[1] = {}) {
    const engine = scriptedEngine(sayHello);
    const running = await startEnclave(engine, options);
    return { ...running, engine, client: await createEhbpClient(running) };
  }
  async function refusal(response: Response): Promise<{ status: number; code: string; param: string | null }> {
    expect(response.headers.get("ehbp-response-nonce")).toBeNull();
    const { error } = (await response.json()) as { error: { code: string; param: string | null } };
    return { status: response.status, code: error.code, param: error.param };
  }

  it("replayed, with a time or without", async () => {
    const { url, client, engine } = await start();
    for (const body of [ask(), { model: "e2ee-demo", messages: ask().messages }]) {
      const sealed = await client.seal(body);
      const [first, second] = await Promise.all([post(url, sealed, "e2ee-demo"), post(url, sealed, "e2ee-demo")]);
      const refused = first.status === 200 ? second : first;
      expect(await refusal(refused)).toEqual({ status: 400, code: "body_replayed", param: null });
      await (first.status === 200 ? first : second).arrayBuffer();
      expect(await refusal(await post(url, sealed, "e2ee-demo"))).toMatchObject({ code: "body_replayed" });
    }
    expect(engine.requests).toHaveLength(2);
  });

  it.each([
    ["another method", { bauta: { ...binding, method: "GET" } }, "binding_mismatch", "bauta.method"],
    ["another path", { bauta: { ...binding, path: "/embeddings" } }, "binding_mismatch", "bauta.path"],
    ["another model in the binding", { bauta: { ...binding, model: "tee-demo" } }, "binding_mismatch", "bauta.model"],
    ["another model than the header's", { model: "tee-demo" }, "binding_mismatch", "model"],
    ["too old", { bauta: { ...binding, t: NOW_MS / 1000 - 301 } }, "body_expired", null],
    ["from the future", { bauta: { ...binding, t: NOW_MS / 1000 + 301 } }, "body_expired", null],
    ["without a model", { model: undefined }, "binding_mismatch", "model"],
    ["without messages", { messages: undefined }, "missing_field", "messages"],
    ["several choices", { n: 2 }, "multiple_choices", "n"],
    ["echo", { echo: true }, "unsupported_field", "echo"],
  ])("%s", async (_, more, code, param) => {
    const { url, client, engine } = await start();
    expect(await refusal(await post(url, await client.seal(ask(more)), "e2ee-demo"))).toEqual({ status: 400, code, param });
    expect(engine.requests).toHaveLength(0);
  });

  it("no binding where the enclave is strict", async () => {
    const { url, client } = await start({ strict: true });
    const unbound = await client.seal({ model: "e2ee-demo", messages: ask().messages });
    expect(await refusal(await post(url, unbound, "e2ee-demo"))).toEqual({ status: 400, code: "missing_field", param: "bauta" });
    const bound = await post(url, await client.seal(ask()), "e2ee-demo");
    expect(bound.status).toBe(200);
    await bound.arrayBuffer();
  });

  it("headers", async () => {
    const { url, client, modelKeyHex } = await start();
    const other = (await start()).modelKeyHex;
    const send = async (headers: Record<string, string>, model = "e2ee-demo") =>
      refusal(await post(url, await client.seal(ask()), model, headers));
    expect(await send({}, "e2ee-other")).toEqual({ status: 404, code: "model_not_found", param: "bauta-model" });
    expect(await send({ "x-venice-tee-model-pub-key": other })).toMatchObject({ status: 421, code: "unknown_model_key" });
    expect(await send({ "x-venice-tee-model-pub-key": "zz" })).toMatchObject({ code: "invalid_public_key" });
    expect(await send({ "x-venice-tee-client-pub-key": modelKeyHex })).toMatchObject({ code: "headers_mixed" });
    expect(await send({ "x-venice-tee-signing-algo": "ecdsa" })).toMatchObject({ code: "headers_mixed" });
    expect(await send({ "bauta-nonce": "ab" })).toMatchObject({ code: "invalid_client_nonce" });
    expect(await send({ "content-encoding": "gzip" })).toMatchObject({ status: 415, code: "content_encoding" });
    const { encapsulatedKey, bytes } = await client.seal(ask());
    const without = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "ehbp-encapsulated-key": encapsulatedKey },
      body: bytes,
    });
    expect(await refusal(without)).toEqual({ status: 400, code: "missing_field", param: "bauta-model" });
  });

  it("a flipped bit anywhere in key or ciphertext: always the same answer, and always a problem that EHBP knows", async () => {
    const { url, client, engine } = await start();
    const sealed = await client.seal(ask());
    const answers = new Set<string>();
    const flip = (bytes: Uint8Array, at: number) => Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 1 : byte));
    const note = async (response: Response) => {
      const { "content-type": type } = Object.fromEntries(response.headers);
      answers.add(JSON.stringify([response.status, type, await response.text()]));
    };
    for (let at = 4; at < sealed.bytes.length; at += 13)
      await note(await post(url, { ...sealed, bytes: flip(sealed.bytes, at) }, "e2ee-demo"));
    for (let at = 0; at < 32; at += 5) {
      const encapsulatedKey = Buffer.from(flip(Buffer.from(sealed.encapsulatedKey, "hex"), at)).toString("hex");
      await note(await post(url, { ...sealed, encapsulatedKey }, "e2ee-demo"));
    }
    // Another enclave's key looks no different.
    await note(await post(url, await (await start()).client.seal(ask()), "e2ee-demo"));
    expect(answers.size).toBe(1);
    const [status, type, text] = JSON.parse([...answers][0] as string) as [number, string, string];
    expect({ status, type }).toEqual({ status: 422, type: "application/problem+json" });
    expect(JSON.parse(text)).toMatchObject({ type: "urn:ietf:params:ehbp:error:key-config", status: 422, error: { code: "key_config" } });
    expect(engine.requests).toHaveLength(0);

    const good = await post(url, sealed, "e2ee-demo");
    expect(good.status).toBe(200);
    await good.arrayBuffer();
  });

  it("framing that is none", async () => {
    const { url, client } = await start();
    const sealed = await client.seal(ask());
    for (const bytes of [new Uint8Array(), sealed.bytes.subarray(0, -1), sealed.bytes.subarray(4), Uint8Array.of(0, 0, 0, 0)])
      expect(await refusal(await post(url, { ...sealed, bytes }, "e2ee-demo"))).toEqual({
        status: 400,
        code: "body_not_opened",
        param: null,
      });
    for (const encapsulatedKey of ["ab", sealed.encapsulatedKey.toUpperCase(), "zz".repeat(32)])
      expect(await refusal(await post(url, { ...sealed, encapsulatedKey }, "e2ee-demo"))).toMatchObject({ code: "body_not_opened" });
  });

  it("the package knows a wrong key by the problem", async () => {
    const { url } = await start();
    const { transport } = await createEhbpClient({ url }, Buffer.from(`000020${"09".padEnd(64, "0")}000400010002`, "hex"));
    const sent = transport.post(`${url}/v1/chat/completions`, JSON.stringify(ask()), { headers: { "bauta-model": "e2ee-demo" } });
    await expect(sent).rejects.toMatchObject({ name: "KeyConfigMismatchError" });
  });
});
