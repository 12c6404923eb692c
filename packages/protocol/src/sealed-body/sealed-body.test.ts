import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { anyBackend, backends, flipBit } from "../../../../tests/support/backends.ts";
import { concatBytes, u32be, utf8 } from "../bytes.ts";
import { WireError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { RefusalError } from "../refusals.ts";
import { plainFrame, plainSender } from "../testing/plain-hpke.ts";
import { webBackend } from "../backend-web.ts";
import { bodyKeyOf, createBodyKey, openBody } from "./body-key.ts";
import { parseKeyConfig } from "./key-config.ts";
import { sealBody } from "./seal-body.ts";
import { createSuite } from "./suite.ts";
import { toHex } from "../hex.ts";

const REQUEST = utf8('{"model":"e2ee-a","messages":[{"role":"user","content":"Grüße 🎭"}]}');
const textOf = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

/** A request that was sealed and opened, with both of its ends. */
async function exchange(backend = anyBackend) {
  const key = await createBodyKey(backend);
  const sealed = await sealBody({ backend, keyConfig: key.keyConfig, plaintext: REQUEST });
  const sealer = await (await key.open(sealed.encapsulatedKey, sealed.body)).sealResponse();
  return { key, sealed, sealer };
}

/** A client's request, and an answer's frames for it. */
async function answered(texts: readonly string[]) {
  const { sealed, sealer } = await exchange();
  const frames: Uint8Array[] = [];
  for (const text of texts) frames.push(await sealer.seal(utf8(text)));
  return { opener: await sealed.openResponse(sealer.nonceHex), frames };
}

async function fault(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof WireError || error instanceof RefusalError) return error.code;
    throw error;
  }
  return "opened";
}

describe.each(backends.map((backend) => [backend.name, backend] as const))("a round trip, %s", (_name, backend) => {
  it("carries a request and a streamed answer", async () => {
    const { sealed, sealer, key } = await exchange(backend);
    expect(textOf((await key.open(sealed.encapsulatedKey, sealed.body)).plaintext)).toBe(textOf(REQUEST));
    expect(sealed.encapsulatedKey).toMatch(/^[0-9a-f]{64}$/);
    expect(sealer.nonceHex).toMatch(/^[0-9a-f]{64}$/);
    expect(sealed.body).toHaveLength(4 + REQUEST.length + 16);
    const opener = await sealed.openResponse(sealer.nonceHex);
    for (const text of ["data: 1\n\n", "x".repeat(70_000), "data: [DONE]\n\n"]) {
      const frame = await sealer.seal(utf8(text));
      expect(frame).toHaveLength(4 + text.length + 16);
      expect((await opener.push(frame)).map(textOf)).toEqual([text]);
    }
    opener.end();
  });

  it("gives the same answer however it was split", async () => {
    const texts = ["data: a\n\n", "", "ü".repeat(200), "data: [DONE]\n\n"];
    const key = await createBodyKey(backend);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(700), { maxLength: 12 }), async (places) => {
        const request = await sealBody({ backend, keyConfig: key.keyConfig, plaintext: REQUEST });
        const { sealResponse } = await key.open(request.encapsulatedKey, request.body);
        const answer = await sealResponse();
        const frames: Uint8Array[] = [];
        for (const text of texts) frames.push(await answer.seal(utf8(text)));
        const body = concatBytes(...frames);
        const cuts = [...new Set([...places.map((place) => place % body.length), body.length])].sort((a, b) => a - b);
        const opener = await request.openResponse(answer.nonceHex);
        const opened: string[] = [];
        let from = 0;
        for (const to of cuts) {
          opened.push(...(await opener.push(body.subarray(from, to))).map(textOf));
          from = to;
        }
        opener.end();
        expect(opened).toEqual(texts.filter((text) => text !== ""));
      }),
      { numRuns: 25 },
    );
  });

  it("keeps order when calls overlap", async () => {
    const { sealed, sealer } = await exchange(backend);
    const texts = Array.from({ length: 20 }, (_, i) => `chunk ${i}`);
    const frames = await Promise.all(texts.map((text) => sealer.seal(utf8(text))));
    const opener = await sealed.openResponse(sealer.nonceHex);
    const opened = await Promise.all(frames.map((frame) => opener.push(frame)));
    expect(opened.flat().map(textOf)).toEqual(texts);
  });
});

describe("a request", () => {
  it("looks different each time, and has keys of its own", async () => {
    const key = await createBodyKey(anyBackend);
    const [a, b] = [
      await sealBody({ backend: anyBackend, keyConfig: key.keyConfig, plaintext: REQUEST }),
      await sealBody({ backend: anyBackend, keyConfig: key.keyConfig, plaintext: REQUEST }),
    ];
    expect(a.encapsulatedKey).not.toBe(b.encapsulatedKey);
    expect(await fault(key.open(a.encapsulatedKey, b.body))).toBe("key_config");
  });

  it("does not open with any single bit turned, of header or body", async () => {
    const { key, sealed } = await exchange();
    const enc = Uint8Array.from(sealed.encapsulatedKey.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    const outcomes = new Set<string>();
    for (let bit = 0; bit < 256; bit++) outcomes.add(await fault(key.open(toHex(flipBit(enc, bit)), sealed.body)));
    expect([...outcomes]).toEqual(["key_config"]);
    for (let bit = 32; bit < sealed.body.length * 8; bit++)
      outcomes.add(await fault(key.open(sealed.encapsulatedKey, flipBit(sealed.body, bit))));
    expect([...outcomes]).toEqual(["key_config"]);
    // The length, which the tag does not cover: too long, too short, or another ciphertext.
    for (let bit = 0; bit < 32; bit++) {
      expect(["body_not_opened", "key_config"]).toContain(await fault(key.open(sealed.encapsulatedKey, flipBit(sealed.body, bit))));
    }
  }, 30_000);

  it.each([
    ["empty", ""],
    ["too short", "ab".repeat(31)],
    ["too long", "ab".repeat(33)],
    ["not hex", "zz".repeat(32)],
    ["in upper case", "AB".repeat(32)],
    ["with a prefix", `0x${"ab".repeat(31)}`],
    ["from beyond ASCII", `${"ab".repeat(31)}a\u0130`],
  ])("is refused with an encapsulated key that is %s", async (_name, header) => {
    const { key, sealed } = await exchange();
    expect(await fault(key.open(header, sealed.body))).toBe("body_not_opened");
  });

  it.each([
    ["zero", "00".repeat(32)],
    ["one", `01${"00".repeat(31)}`],
    ["of order 8", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"],
  ])("is refused with a point that is %s as any wrong key is", async (_name, header) => {
    const { key, sealed } = await exchange();
    expect(await fault(key.open(header, sealed.body))).toBe("key_config");
  });

  it("is refused without any frame, cut, or with bytes behind it", async () => {
    const { key, sealed } = await exchange();
    const cases = [
      new Uint8Array(0),
      new Uint8Array(4),
      new Uint8Array(4096),
      sealed.body.subarray(0, sealed.body.length - 1),
      sealed.body.subarray(0, 3),
      concatBytes(sealed.body, Uint8Array.of(0)),
      concatBytes(sealed.body, u32be(15), new Uint8Array(15)),
      concatBytes(sealed.body, u32be(0xffffffff)),
    ];
    for (const body of cases) expect(await fault(key.open(sealed.encapsulatedKey, body))).toBe("body_not_opened");
    expect(textOf((await key.open(sealed.encapsulatedKey, concatBytes(new Uint8Array(4), sealed.body, new Uint8Array(8)))).plaintext)).toBe(
      textOf(REQUEST),
    );
  });

  it("of several frames is refused with one dropped, repeated, or moved", async () => {
    const key = await createBodyKey(anyBackend);
    const recipient = parseKeyConfig(key.keyConfig)?.publicKey as Uint8Array;
    const { enc, context } = plainSender(new Uint8Array(32).fill(9), recipient, utf8("ehbp request"));
    const [a, b, c] = ["one ", "two ", "three"].map((text) => plainFrame(context.seal(utf8(text)))) as [Buffer, Buffer, Buffer];
    const open = (...frames: Uint8Array[]) => key.open(toHex(enc), concatBytes(...frames));
    expect(textOf((await open(a, b, c)).plaintext)).toBe("one two three");
    // What only the frames' own end can tell: JSON that is cut is no JSON.
    expect(textOf((await open(a, b)).plaintext)).toBe("one two ");
    expect(await fault(open(b, c))).toBe("key_config");
    expect(await fault(open(b, a, c))).toBe("key_config");
    expect(await fault(open(a, c))).toBe("body_not_opened");
    expect(await fault(open(a, c, b))).toBe("body_not_opened");
    expect(await fault(open(a, a, b, c))).toBe("body_not_opened");
    expect(await fault(open(a, b, c, c))).toBe("body_not_opened");
  });

  it("is refused with more frames than anybody writes, before any of them is opened", async () => {
    const key = await createBodyKey(anyBackend);
    const recipient = parseKeyConfig(key.keyConfig)?.publicKey as Uint8Array;
    const { enc, context } = plainSender(new Uint8Array(32).fill(9), recipient, utf8("ehbp request"));
    const frames = Array.from({ length: 1025 }, () => plainFrame(context.seal(new Uint8Array(1))));
    expect((await key.open(toHex(enc), Buffer.concat(frames.slice(0, 1024)))).plaintext).toHaveLength(1024);
    expect(await fault(key.open(toHex(enc), Buffer.concat(frames)))).toBe("body_not_opened");
  });

  it("is bounded, on both sides", async () => {
    const key = await createBodyKey(anyBackend);
    const seal = (bytes: number) => sealBody({ backend: anyBackend, keyConfig: key.keyConfig, plaintext: new Uint8Array(bytes) });
    const largest = await seal(LIMITS.requestBodyBytes - 20);
    expect(largest.body).toHaveLength(LIMITS.requestBodyBytes);
    expect((await key.open(largest.encapsulatedKey, largest.body)).plaintext).toHaveLength(LIMITS.requestBodyBytes - 20);
    expect(await fault(seal(LIMITS.requestBodyBytes - 19))).toBe("body_too_large");
    expect(await fault(seal(0))).toBe("invalid_request");
    expect(await fault(key.open(largest.encapsulatedKey, concatBytes(largest.body, new Uint8Array(4))))).toBe("too_large");
  });

  it("opens with the key before the current one, and with none that is destroyed", async () => {
    const [current, previous, other] = [
      await createBodyKey(anyBackend, 2),
      await createBodyKey(anyBackend, 1),
      await createBodyKey(anyBackend, 3),
    ];
    const sealed = await sealBody({ backend: anyBackend, keyConfig: previous.keyConfig, plaintext: REQUEST });
    const opened = await openBody([current, previous], sealed.encapsulatedKey, sealed.body);
    expect(opened.key).toBe(previous);
    expect(opened.key.keyId).toBe(1);
    expect(textOf(opened.plaintext)).toBe(textOf(REQUEST));
    expect(await fault(openBody([current, other], sealed.encapsulatedKey, sealed.body))).toBe("key_config");
    expect(await fault(openBody([], sealed.encapsulatedKey, sealed.body))).toBe("key_config");
    expect(await fault(openBody([current, previous], sealed.encapsulatedKey, new Uint8Array(0)))).toBe("body_not_opened");
    previous.destroy();
    expect(await fault(openBody([current, previous], sealed.encapsulatedKey, sealed.body))).toBe("key_config");
  });

  it("does not open for another protocol's label", async () => {
    const key = await createBodyKey(anyBackend);
    const recipient = parseKeyConfig(key.keyConfig)?.publicKey as Uint8Array;
    const { enc, context } = plainSender(new Uint8Array(32).fill(9), recipient, utf8("message/bhttp request"));
    expect(await fault(key.open(toHex(enc), plainFrame(context.seal(REQUEST))))).toBe("key_config");
  });

  it("is refused by name where WebCrypto has no X25519", async () => {
    const { keyConfig } = await createBodyKey(anyBackend);
    const importKey = vi.spyOn(crypto.subtle, "importKey").mockRejectedValue(new DOMException("no X25519", "NotSupportedError"));
    try {
      expect(await fault(sealBody({ backend: webBackend, keyConfig, plaintext: REQUEST }))).toBe("sealing_unavailable");
    } finally {
      importKey.mockRestore();
    }
  });

  it("is sealed for one answer", async () => {
    const { key, sealed } = await exchange();
    const opened = await key.open(sealed.encapsulatedKey, sealed.body);
    await opened.sealResponse();
    await expect(opened.sealResponse()).rejects.toThrow(TypeError);
  });

  it("does not give its private key away", async () => {
    const suite = await createSuite(anyBackend);
    const pair = await suite.GenerateKeyPair(false);
    const key = await bodyKeyOf(anyBackend, pair, 0);
    await expect(suite.SerializePrivateKey(pair.privateKey)).rejects.toThrow();
    expect(JSON.stringify(key)).not.toContain("rivate");
  });

  it("says of every fault nothing but the catalogue's text", async () => {
    const { key, sealed } = await exchange();
    const error = await key.open(sealed.encapsulatedKey, flipBit(sealed.body, 40)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WireError);
    expect((error as WireError).toBody().error).toMatchObject({ code: "key_config", param: null });
    expect((error as WireError).cause).toBeUndefined();
  });
});

describe("an answer", () => {
  const TEXTS = ["data: one\n\n", "data: two\n\n", "data: [DONE]\n\n"];

  it("does not open with any single bit turned, and gives nothing that was not sealed", async () => {
    const key = await createBodyKey(anyBackend);
    for (let bit = 0; bit < 8 * (4 + 1 + 16); bit++) {
      const request = await sealBody({ backend: anyBackend, keyConfig: key.keyConfig, plaintext: REQUEST });
      const answer = await (await key.open(request.encapsulatedKey, request.body)).sealResponse();
      const first = await answer.seal(utf8("one"));
      const second = flipBit(await answer.seal(utf8("x")), bit);
      const opener = await request.openResponse(answer.nonceHex);
      expect((await opener.push(first)).map(textOf)).toEqual(["one"]);
      const outcome = await fault(opener.push(second).then((opened) => (opener.end(), expect(opened).toEqual([]))));
      // A length that now asks for more cannot be told from a connection that was cut.
      expect(bit < 32 ? ["body_not_opened", "body_cut"] : ["body_not_opened"]).toContain(outcome);
    }
  }, 30_000);

  it("does not open with any bit of its nonce turned", async () => {
    const { key } = await exchange();
    for (let bit = 0; bit < 256; bit++) {
      const request = await sealBody({ backend: anyBackend, keyConfig: key.keyConfig, plaintext: REQUEST });
      const answer = await (await key.open(request.encapsulatedKey, request.body)).sealResponse();
      const nonce = Uint8Array.from(Buffer.from(answer.nonceHex, "hex"));
      const opener = await request.openResponse(toHex(flipBit(nonce, bit)));
      expect(await fault(opener.push(await answer.seal(utf8("x"))))).toBe("body_not_opened");
    }
  }, 30_000);

  it.each([
    ["dropped", [0, 2]],
    ["dropped at the start", [1, 2]],
    ["moved", [0, 2, 1]],
    ["swapped at the start", [1, 0, 2]],
    ["repeated", [0, 0, 1, 2]],
    ["repeated at the end", [0, 1, 2, 2]],
  ] as const)("ends with an error where a frame is %s", async (_name, order) => {
    const { opener, frames } = await answered(TEXTS);
    const opened: string[] = [];
    const read = async () => {
      for (const i of order) opened.push(...(await opener.push(frames[i] as Uint8Array)).map(textOf));
    };
    expect(await fault(read())).toBe("body_not_opened");
    expect(opened).toEqual(TEXTS.slice(0, opened.length));
    // It stays shut, also for the frame that was expected.
    expect(await fault(opener.push(frames[opened.length] ?? new Uint8Array(0)))).toBe("body_not_opened");
    expect(() => opener.end()).toThrow(RefusalError);
  });

  it("of another request does not open", async () => {
    const a = await exchange();
    const b = await exchange();
    const opener = await a.sealed.openResponse(b.sealer.nonceHex);
    expect(await fault(opener.push(await b.sealer.seal(utf8("x"))))).toBe("body_not_opened");
  });

  it("is reported as cut at every byte within a frame, and not between frames", async () => {
    const { opener, frames } = await answered(["hello", "there"]);
    for (const frame of frames) {
      for (let at = 0; at < frame.length; at++) {
        if (at > 0) expect(() => opener.end()).toThrow(expect.objectContaining({ code: "body_cut", action: "retry" }) as Error);
        await opener.push(frame.subarray(at, at + 1));
      }
      opener.end();
    }
  });

  it("is refused with a frame that is announced too long, before it came", async () => {
    const { opener } = await answered([]);
    expect(await fault(opener.push(u32be(LIMITS.sealedFrameBytes + 1)))).toBe("body_not_opened");
  });

  it("of more than a frame may hold comes in several, and empty writes in none", async () => {
    const { sealed, sealer } = await exchange();
    const large = new Uint8Array(2.5 * 1024 * 1024).map((_, i) => i);
    const opener = await sealed.openResponse(sealer.nonceHex);
    expect(await sealer.seal(new Uint8Array(0))).toHaveLength(0);
    const body = await sealer.seal(large);
    expect(body).toHaveLength(large.length + 3 * 20);
    const opened = await opener.push(body);
    expect(opened).toHaveLength(3);
    expect(Buffer.compare(concatBytes(...opened), large)).toBe(0);
    expect((await opener.push(await sealer.seal(utf8("then")))).map(textOf)).toEqual(["then"]);
  });

  it.each([null, undefined])("without the nonce (%s) is plaintext, and refused", async (nonce) => {
    const { sealed } = await exchange();
    await expect(sealed.openResponse(nonce)).rejects.toMatchObject({
      code: "plaintext_received",
      field: "ehbp-response-nonce",
      action: "stop",
    });
  });

  it.each(["", "ab", "zz".repeat(32), "AB".repeat(32), "ab".repeat(33)])("with the nonce %j is refused", async (nonce) => {
    const { sealed } = await exchange();
    await expect(sealed.openResponse(nonce)).rejects.toMatchObject({ code: "body_not_opened", field: "ehbp-response-nonce" });
  });

  it("is opened once, and not after the request was given up", async () => {
    const { sealed, sealer } = await exchange();
    await sealed.openResponse(sealer.nonceHex);
    await expect(sealed.openResponse(sealer.nonceHex)).rejects.toThrow(TypeError);
    const other = await exchange();
    other.sealed.dispose();
    other.sealed.dispose();
    await expect(other.sealed.openResponse(other.sealer.nonceHex)).rejects.toThrow(TypeError);
  });
});
