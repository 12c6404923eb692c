import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, u32be } from "../bytes.ts";
import { createFrameReader, writeFrame } from "./frames.ts";

const ciphertexts = fc.array(fc.uint8Array({ minLength: 16, maxLength: 600 }), { maxLength: 8 });

/** The bytes cut at these places, in whatever order they are given. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.slice(at[i], end));
}

describe("createFrameReader", () => {
  it("gives the same frames however the body was split, and skips empty ones", () => {
    fc.assert(
      fc.property(ciphertexts, fc.array(fc.nat(10_000), { maxLength: 20 }), fc.nat(8), (frames, places, emptyAt) => {
        const parts = frames.map((frame) => writeFrame(frame));
        parts.splice(emptyAt, 0, new Uint8Array(4), new Uint8Array(4));
        const reader = createFrameReader(600);
        const read = cut(concatBytes(...parts), places).flatMap((piece) => reader.push(piece) ?? expect.fail("a fault"));
        expect(read.map((frame) => [...frame])).toEqual(frames.map((frame) => [...frame]));
        expect(reader.pending).toBe(false);
      }),
    );
  });

  it("gives the same frames byte by byte", () => {
    const frames = [1, 2, 3].map((value) => new Uint8Array(300 * value).fill(value));
    const reader = createFrameReader(900);
    const read: Uint8Array[] = [];
    for (const byte of concatBytes(...frames.map((frame) => writeFrame(frame)))) read.push(...(reader.push(Uint8Array.of(byte)) ?? []));
    expect(read.map((frame) => [...frame])).toEqual(frames.map((frame) => [...frame]));
  });

  it.each([1, 3, 4, 5, 19])("is pending after %d bytes of a frame of 20", (bytes) => {
    const reader = createFrameReader(100);
    expect(reader.push(writeFrame(new Uint8Array(16)).subarray(0, bytes))).toEqual([]);
    expect(reader.pending).toBe(true);
  });

  it.each([
    ["too long by one", 101],
    ["the longest that can be written", 0xffffffff],
    ["with its top bit set", 0x80000000],
    ["shorter than a tag", 15],
    ["one byte", 1],
  ])("refuses a length %s at once, whole or byte by byte", (_name, length) => {
    expect(createFrameReader(100).push(u32be(length))).toBeUndefined();
    const reader = createFrameReader(100);
    const results = [...u32be(length)].map((byte) => reader.push(Uint8Array.of(byte)));
    expect(results.slice(0, 3)).toEqual([[], [], []]);
    expect(results[3]).toBeUndefined();
  });

  it("takes the longest frame that is allowed, and the shortest", () => {
    expect(createFrameReader(100).push(concatBytes(writeFrame(new Uint8Array(100)), writeFrame(new Uint8Array(16))))).toHaveLength(2);
  });
});
