import { describe, expect, it } from "vitest";
import { createEhbpClient, frameSizes } from "../testing/ehbp-client.ts";
import { canonical, sha256Hex, signerOf } from "../testing/independent-client.ts";
import { NOW_MS, type RunningEnclave, sayHello, scriptedEngine, startEnclave, USAGE } from "../testing/running-enclave.ts";
import { ask, binding, kept, post } from "../testing/sealed-chat.ts";

const NONCE = "ab".repeat(32);

const events = (text: string): string[] =>
  text
    .split("\n\n")
    .filter((block) => block.startsWith("data: "))
    .map((block) => block.slice(6));

describe("a request sealed as a whole, by an outside client", () => {
  it.each(["e2ee-demo", "tee-demo"])(
    "to %s is answered in frames, each padded, with a receipt over what was on the wire",
    async (model) => {
      const engine = scriptedEngine(sayHello);
      const { enclave, url, modelKeyHex } = await startEnclave(engine);
      const client = await createEhbpClient({ url });
      const body = ask({
        model,
        bauta: { ...binding, model },
        stream: true,
        stream_options: { include_usage: true },
        stop: ["x"],
        user: "u",
      });
      const sealed = await client.seal(body);
      const response = await post(url, sealed, model, { "bauta-nonce": NONCE, "x-venice-tee-model-pub-key": modelKeyHex });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
      expect(response.headers.get("cache-control")).toBe("no-transform, no-store");
      const requestId = response.headers.get("bauta-request-id");
      const answer = new Uint8Array(await response.arrayBuffer());

      // One event to a frame, at the buckets' sizes and the tag.
      const sizes = frameSizes(answer);
      const text = Buffer.from(await sealed.open(answer, response.headers.get("ehbp-response-nonce") as string)).toString();
      expect(sizes).toHaveLength(events(text).length);
      for (const size of sizes) expect([256, 512]).toContain(size - 16);
      expect(events(text).at(-1)).toBe("[DONE]");
      const shared = { id: requestId, object: "chat.completion.chunk", created: NOW_MS / 1000, model };
      const choice = (delta: object, finish: string | null = null) => ({
        ...shared,
        choices: [{ index: 0, delta, finish_reason: finish }],
      });
      expect(
        events(text)
          .slice(0, -1)
          .map((event) => JSON.parse(event) as unknown),
      ).toEqual([
        choice({ role: "assistant" }),
        choice({ reasoning_content: "thinking é" }),
        choice({ content: "Hello 中" }),
        choice({ content: "🙂" }),
        choice({}, "stop"),
        { ...shared, choices: [], usage: USAGE },
      ]);
      expect(text).not.toContain("bauta-receipt");
      for (const secret of ["Hello", "thinking"]) expect(Buffer.from(answer).toString("latin1")).not.toContain(secret);

      // What is plain text reaches the engine as in version 1, without the binding.
      expect(engine.requests).toEqual([
        {
          model,
          messages: [{ role: "user", content: "hi" }],
          sampling: { maxTokens: 100, stop: ["x"] },
          stream: true,
          includeUsage: true,
          omitReasoning: false,
        },
      ]);

      const { body: receipt } = await kept(url, model, requestId);
      expect(receipt.receipt).toEqual({
        request_id: requestId,
        model,
        client_nonce: NONCE,
        request_sha256: sha256Hex(sealed.bytes),
        response_sha256: sha256Hex(answer),
        envelopes_sha256: null,
        finish_reason: "stop",
        usage: USAGE,
        weights: null,
        engine: { name: "scripted", image_digest: null },
        created: NOW_MS / 1000,
      });
      expect(signerOf(`bauta/receipt/1\n${canonical(receipt.receipt)}`, receipt.receipt_signature)).toBe(enclave.address);
    },
  );

  it("is answered whole when it does not ask for a stream", async () => {
    const { url } = await startEnclave(scriptedEngine(sayHello));
    const client = await createEhbpClient({ url });
    const sealed = await client.seal(ask());
    const response = await post(url, sealed, "e2ee-demo");
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    const answer = new Uint8Array(await response.arrayBuffer());
    const opened = await sealed.open(answer, response.headers.get("ehbp-response-nonce") as string);
    const requestId = response.headers.get("bauta-request-id");
    expect(JSON.parse(Buffer.from(opened).toString())).toEqual({
      id: requestId,
      object: "chat.completion",
      created: NOW_MS / 1000,
      model: "e2ee-demo",
      choices: [
        { index: 0, message: { role: "assistant", content: "Hello 中🙂", reasoning_content: "thinking é" }, finish_reason: "stop" },
      ],
      usage: USAGE,
    });
    const { body } = await kept(url, "e2ee-demo", requestId);
    expect(body.receipt).toMatchObject({
      request_sha256: sha256Hex(sealed.bytes),
      response_sha256: sha256Hex(answer),
      envelopes_sha256: null,
    });
  });

  it("has another response nonce each time", async () => {
    const { url } = await startEnclave(scriptedEngine(sayHello));
    const client = await createEhbpClient({ url });
    const nonces = new Set<string | null>();
    for (let i = 0; i < 3; i++) {
      const response = await post(url, await client.seal(ask()), "e2ee-demo");
      await response.arrayBuffer();
      nonces.add(response.headers.get("ehbp-response-nonce"));
    }
    expect([...nonces].every((nonce) => /^[0-9a-f]{64}$/.test(nonce ?? ""))).toBe(true);
    expect(nonces.size).toBe(3);
  });
});

describe("version 1 beside it", () => {
  it("takes what it took: a plain request, and none in clear for a sealed model", async () => {
    const { post: plain }: RunningEnclave = await startEnclave(scriptedEngine(sayHello));
    const answered = await plain({ model: "tee-demo", messages: [{ role: "user", content: "hi" }] }, { "bauta-model": "e2ee-demo" });
    expect(answered.status).toBe(200);
    expect(answered.headers.get("ehbp-response-nonce")).toBeNull();
    await answered.arrayBuffer();
    expect(await (await plain(ask({ stream: true }))).json()).toMatchObject({ error: { code: "headers_required" } });
    expect(await (await plain({ ...ask({ tools: [{ type: "function" }] }), model: "tee-demo" })).json()).toMatchObject({
      error: { code: "tools_unsupported" },
    });
  });
});
