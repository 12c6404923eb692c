// The published client of EHBP against our enclave, and our client against an enclave made of its parts.
import { decryptChunk, deriveResponseKeys, encryptChunk, Identity, PROTOCOL } from "ehbp";
import type { CipherSuite, KeyPair } from "hpke";
import { describe, expect, it } from "vitest";
import { anyBackend, bytes, flipBit } from "../../../../tests/support/backends.ts";
import { concatBytes, utf8 } from "../bytes.ts";
import { KEY_CONFIG_PROBLEM } from "../errors.ts";
import { HEADERS } from "../headers.ts";
import { createBodyKey } from "./body-key.ts";
import { parseKeyConfig } from "./key-config.ts";
import { plainFrame, plainFrames } from "../testing/plain-hpke.ts";
import { sealBody } from "./seal-body.ts";

const URL = "http://127.0.0.1/v1/chat/completions";
const BODY = JSON.stringify({ model: "tee-a", messages: [{ role: "user", content: "Grüße" }] });
const textOf = (plaintext: Uint8Array | undefined) => new TextDecoder().decode(plaintext);

/** A body that arrives in pieces of this many bytes. */
function inPieces(body: Uint8Array, pieceBytes: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= body.length) return controller.close();
      controller.enqueue(body.slice(at, at + pieceBytes));
      at += pieceBytes;
    },
  });
}

describe("the names", () => {
  it("are those of the published client", () => {
    expect(PROTOCOL.ENCAPSULATED_KEY_HEADER.toLowerCase()).toBe(HEADERS.encapsulatedKey);
    expect(PROTOCOL.RESPONSE_NONCE_HEADER.toLowerCase()).toBe(HEADERS.responseNonce);
    expect(PROTOCOL.PROBLEM_JSON_MEDIA_TYPE).toBe(KEY_CONFIG_PROBLEM.mediaType);
    expect(PROTOCOL.KEY_CONFIG_PROBLEM_TYPE).toBe(KEY_CONFIG_PROBLEM.type);
  });
});

describe("the published client", () => {
  async function request() {
    const key = await createBodyKey(anyBackend);
    const identity = await Identity.unmarshalPublicConfig(key.keyConfig);
    const { request: sealed, context } = await identity.encryptRequestWithContext(new Request(URL, { method: "POST", body: BODY }));
    if (!context) throw new Error("the client did not seal");
    const header = sealed.headers.get(HEADERS.encapsulatedKey) ?? "";
    return { key, identity, context, header, body: new Uint8Array(await sealed.arrayBuffer()) };
  }

  it.each([1, 7, 65_536])("is understood, and understands the answer in pieces of %d bytes", async (pieceBytes) => {
    const { key, identity, context, header, body } = await request();
    const opened = await key.open(header, body);
    expect(textOf(opened.plaintext)).toBe(BODY);
    const sealer = await opened.sealResponse();
    const frames = [new Uint8Array(4), await sealer.seal(utf8("data: eins\n\n")), await sealer.seal(utf8("data: [DONE]\n\n"))];
    const response = new Response(inPieces(concatBytes(...frames), pieceBytes), { headers: { [HEADERS.responseNonce]: sealer.nonceHex } });
    const answer = await identity.decryptResponseWithContext(response, context);
    expect(await answer.text()).toBe("data: eins\n\ndata: [DONE]\n\n");
  });

  it("notices what was changed on the way", async () => {
    const { key, identity, context, header, body } = await request();
    await expect(key.open(header, flipBit(body, 100))).rejects.toMatchObject({ code: "key_config" });
    const sealer = await (await key.open(header, body)).sealResponse();
    const frame = flipBit(await sealer.seal(utf8("data: eins\n\n")), 50);
    const response = new Response(inPieces(frame, 64), { headers: { [HEADERS.responseNonce]: sealer.nonceHex } });
    await expect((await identity.decryptResponseWithContext(response, context)).text()).rejects.toThrow();
  });
});

describe("an enclave of the published parts", () => {
  it("has a key configuration that we read as it does", async () => {
    const identity = await Identity.generate();
    const config = parseKeyConfig(await identity.marshalConfig());
    expect(config?.keyId).toBe(0);
    expect(Buffer.from(config?.publicKey ?? []).toString("hex")).toBe(await identity.getPublicKeyHex());
  });

  it("opens what we seal, and is understood", async () => {
    const identity = await Identity.generate();
    const sealed = await sealBody({ backend: anyBackend, keyConfig: await identity.marshalConfig(), plaintext: utf8(BODY) });
    // It publishes no opening of requests, but holds the suite and the keys for it.
    const { suite } = identity as unknown as { suite: CipherSuite };
    const pair = { privateKey: identity.getPrivateKey(), publicKey: identity.getPublicKey() } as KeyPair;
    const enc = bytes(sealed.encapsulatedKey);
    const context = await suite.SetupRecipient(pair, enc, { info: utf8("ehbp request") });
    const [frame] = plainFrames(sealed.body);
    expect(textOf(await context.Open(Uint8Array.from(frame ?? [])))).toBe(BODY);

    const nonce = crypto.getRandomValues(new Uint8Array(32));
    const keys = await deriveResponseKeys(await context.Export(utf8("ehbp response"), 32), enc, nonce);
    const opener = await sealed.openResponse(Buffer.from(nonce).toString("hex"));
    for (const [i, text] of ["data: eins\n\n", "data: [DONE]\n\n"].entries()) {
      const ciphertext = await encryptChunk(keys, i, utf8(text));
      expect(textOf(await decryptChunk(keys, i, ciphertext))).toBe(text);
      expect((await opener.push(plainFrame(ciphertext))).map(textOf)).toEqual([text]);
    }
    opener.end();
  });
});
