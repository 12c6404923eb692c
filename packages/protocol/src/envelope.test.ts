import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyBackend, backends, flipBit } from "../../../tests/support/backends.ts";
import type { CryptoBackend } from "./backend.ts";
import { utf8 } from "./bytes.ts";
import {
  createEnvelopeOpener,
  createEnvelopeSealer,
  deriveEnvelopeKey,
  MIN_ENVELOPE_BYTES,
  MIN_ENVELOPE_HEX,
  parseEnvelope,
} from "./envelope.ts";

const decode = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

async function createExchange(backend: CryptoBackend) {
  const recipient = backend.createKeyPair();
  const sender = backend.createKeyPair();
  const aead = await deriveEnvelopeKey(backend, sender.secretKey, recipient.publicKey);
  if (!aead) throw new Error("fresh keys are valid");
  const opener = createEnvelopeOpener(backend, recipient.secretKey);
  const open = async (hex: string) => {
    const envelope = parseEnvelope(backend, hex, 1024);
    return envelope && opener.open(envelope);
  };
  return { recipient, sender, sealer: createEnvelopeSealer(backend, aead, sender.publicKey), opener, open };
}

describe.each(backends.map((backend) => [backend.name, backend] as const))("%s", (_name, backend) => {
  it("round trip: any text, in lower-case hex, sender first", async () => {
    const { sender, sealer, open } = await createExchange(backend);
    const senderHex = backend.toHex(sender.publicKey);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 60 }), async (text) => {
        const { hex, bytes } = await sealer.seal(text);
        expect(hex).toBe(backend.toHex(bytes));
        expect(hex).toMatch(/^[0-9a-f]+$/);
        expect(hex.slice(0, 130)).toBe(senderHex);
        expect(bytes).toHaveLength(MIN_ENVELOPE_BYTES + utf8(text).length);
        expect(decode(await open(hex))).toBe(text);
        expect(decode(await open(hex.toUpperCase()))).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  it("one bit flipped anywhere: undefined, whatever the place", async () => {
    const { recipient, sealer, open } = await createExchange(backend);
    const { bytes } = await sealer.seal("a token");
    expect(decode(await open(backend.toHex(bytes)))).toBe("a token");
    const outcomes = new Set<unknown>();
    // In the sender's key every bit of the first byte and one of each other: each costs a key agreement.
    for (let bit = 0; bit < bytes.length * 8; bit = bit < 7 || bit >= 65 * 8 ? bit + 1 : bit + 8)
      outcomes.add(await open(backend.toHex(flipBit(bytes, bit))));
    // And with no key kept from an envelope before.
    const fresh = createEnvelopeOpener(backend, recipient.secretKey);
    for (const bit of [0, 1, 8, 519, 520, 616, bytes.length * 8 - 1]) {
      const envelope = parseEnvelope(backend, backend.toHex(flipBit(bytes, bit)), 1024);
      outcomes.add(envelope ? await fresh.open(envelope) : "not parsed");
    }
    expect([...outcomes]).toEqual([undefined]);
    expect(decode(await open(backend.toHex(bytes)))).toBe("a token");
  });

  it("truncated at any length, or longer: undefined", async () => {
    const { sealer, open } = await createExchange(backend);
    const { hex } = await sealer.seal("a token");
    for (let length = 0; length < hex.length; length++) expect(await open(hex.slice(0, length)), `${length} digits`).toBeUndefined();
    expect(await open(`${hex}00`)).toBeUndefined();
  });

  it("does not open what is sealed to another key", async () => {
    const [one, other] = [await createExchange(backend), await createExchange(backend)];
    expect(await other.open((await one.sealer.seal("private")).hex)).toBeUndefined();
  });

  it("a failed opening leaves no trace: the next one opens, from the same sender or another", async () => {
    const one = await createExchange(backend);
    const { hex } = await one.sealer.seal("one");
    const stranger = backend.createKeyPair();
    const aead = await deriveEnvelopeKey(backend, stranger.secretKey, one.recipient.publicKey);
    const theirs = aead && (await createEnvelopeSealer(backend, aead, stranger.publicKey).seal("two"));
    expect(await one.open("04".repeat(MIN_ENVELOPE_BYTES))).toBeUndefined();
    expect(await one.open(backend.toHex(stranger.publicKey) + hex.slice(130))).toBeUndefined();
    expect(decode(await one.open(hex))).toBe("one");
    expect(decode(await one.open(theirs?.hex ?? ""))).toBe("two");
    expect(decode(await one.open(hex))).toBe("one");
  });

  it("many at once: each has its own nonce, and each opens", async () => {
    const { sealer, opener } = await createExchange(backend);
    const texts = Array.from({ length: 200 }, (_, i) => `chunk ${i}`);
    const sealed = await Promise.all(texts.map(async (text) => sealer.seal(text)));
    expect(new Set(sealed.map(({ bytes }) => backend.toHex(bytes.subarray(65, 77)))).size).toBe(texts.length);
    const opened = await Promise.all(
      sealed.map(async ({ hex }) => {
        const envelope = parseEnvelope(backend, hex, 1024);
        return envelope && opener.open(envelope);
      }),
    );
    expect(opened.map(decode)).toEqual(texts);
  });

  it("many at once from two senders: no key is used for the other's", async () => {
    const { recipient, sealer, opener } = await createExchange(backend);
    const stranger = backend.createKeyPair();
    const aead = await deriveEnvelopeKey(backend, stranger.secretKey, recipient.publicKey);
    if (!aead) throw new Error("fresh keys are valid");
    const theirs = createEnvelopeSealer(backend, aead, stranger.publicKey);
    const texts = Array.from({ length: 20 }, (_, i) => `chunk ${i}`);
    const sealed = await Promise.all(texts.map(async (text, i) => (i % 2 ? theirs : sealer).seal(text)));
    const opened = await Promise.all(
      sealed.map(async ({ hex }) => opener.open(parseEnvelope(backend, hex, 1024) as NonNullable<ReturnType<typeof parseEnvelope>>)),
    );
    expect(opened.map(decode)).toEqual(texts);
  });

  it("nonces are eight constant bytes and a counter from 0; another sealer has other bytes", async () => {
    const { recipient, sender, sealer } = await createExchange(backend);
    const nonces: string[] = [];
    for (let i = 0; i < 300; i++) nonces.push(backend.toHex((await sealer.seal("x")).bytes.subarray(65, 77)));
    const prefix = nonces[0]?.slice(0, 16) ?? "";
    expect(nonces).toEqual(nonces.map((_, i) => prefix + i.toString(16).padStart(8, "0")));
    const aead = await deriveEnvelopeKey(backend, sender.secretKey, recipient.publicKey);
    const again = aead && (await createEnvelopeSealer(backend, aead, sender.publicKey).seal("x"));
    expect(again && backend.toHex(again.bytes.subarray(65, 73))).not.toBe(prefix);
  });

  it("wipes the shared secret and the raw key, and leaves the caller's secret alone", async () => {
    const seen: Uint8Array[] = [];
    const watched: CryptoBackend = {
      ...backend,
      ecdhX(secretKey, publicKey) {
        const x = backend.ecdhX(secretKey, publicKey);
        if (x) seen.push(x);
        return x;
      },
      async hkdfSha256(...args) {
        const key = await backend.hkdfSha256(...args);
        seen.push(key);
        return key;
      },
    };
    const [one, other] = [backend.createKeyPair(), backend.createKeyPair()];
    const before = Uint8Array.from(one.secretKey);
    const aead = await deriveEnvelopeKey(watched, one.secretKey, other.publicKey);
    expect(seen).toHaveLength(2);
    for (const secret of seen) expect(secret.every((byte) => byte === 0)).toBe(true);
    expect(Uint8Array.from(one.secretKey)).toEqual(before);
    const nonce = new Uint8Array(12);
    const sealed = await aead?.seal(new Uint8Array(0), nonce, utf8("still works"));
    expect(decode(await aead?.open(nonce, sealed?.subarray(12) ?? nonce))).toBe("still works");
  });

  it("agrees on the key of each envelope's sender once", async () => {
    let agreements = 0;
    const counting: CryptoBackend = {
      ...backend,
      ecdhX(...args) {
        agreements++;
        return backend.ecdhX(...args);
      },
    };
    const { recipient, sealer } = await createExchange(backend);
    const opener = createEnvelopeOpener(counting, recipient.secretKey);
    for (let i = 0; i < 10; i++) {
      const envelope = parseEnvelope(backend, (await sealer.seal("x")).hex, 1024);
      expect(envelope && (await opener.open(envelope))).toBeDefined();
    }
    expect(agreements).toBe(1);
  });

  it("property: no text is taken for an envelope by accident, and none makes it throw", async () => {
    const { open } = await createExchange(backend);
    const digits = fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEF"), minLength: 180, maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ maxLength: 300 }),
          digits,
          digits.map((hex) => `04${hex}`),
        ),
        async (text) => {
          expect(await open(text)).toBeUndefined();
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("parseEnvelope", () => {
  const parse = (hex: string, maxPlaintextBytes: number) => parseEnvelope(anyBackend, hex, maxPlaintextBytes);

  it("takes the envelope apart", () => {
    const hex = `${"aa".repeat(65)}${"bb".repeat(12)}${"cc".repeat(3)}${"dd".repeat(16)}`;
    const envelope = parse(hex, 3);
    expect(envelope && anyBackend.toHex(envelope.senderKey)).toBe("aa".repeat(65));
    expect(envelope && anyBackend.toHex(envelope.nonce)).toBe("bb".repeat(12));
    expect(envelope && anyBackend.toHex(envelope.sealed)).toBe(`${"cc".repeat(3)}${"dd".repeat(16)}`);
    expect(envelope && anyBackend.toHex(envelope.bytes)).toBe(hex);
  });

  it("holds to both sizes", () => {
    expect(MIN_ENVELOPE_HEX).toBe(186);
    expect(parse("00".repeat(93), 0)).toBeDefined();
    expect(parse("00".repeat(92), 0)).toBeUndefined();
    expect(parse("00".repeat(94), 0)).toBeUndefined();
    expect(parse("00".repeat(93 + 8), 8)).toBeDefined();
    expect(parse("00".repeat(93 + 9), 8)).toBeUndefined();
    expect(parse("0".repeat(187), 8)).toBeUndefined();
  });
});
