import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../bytes.ts";
import { createSseParser, writeSseData } from "../sse.ts";
import { paddedBytes, padSseFrame } from "./padding.ts";

describe("paddedBytes", () => {
  it.each([
    [1, 256],
    [256, 256],
    [257, 512],
    [512, 512],
    [513, 1024],
    [1024, 1024],
    [1025, 2048],
    [2049, 3072],
    [1_000_000, 1_000_448],
  ])("%d → %d", (bytes, bucket) => {
    expect(paddedBytes(bytes)).toBe(bucket);
  });
});

/** What two readers make of a stream: ours and a common one. */
function eventsOf(stream: Uint8Array): string[][] {
  const ours = createSseParser()
    .push(stream)
    .flatMap(({ data }) => (data === undefined ? [] : [data]));
  const others: string[] = [];
  createParser({ onEvent: ({ data }) => void others.push(data) }).feed(new TextDecoder().decode(stream));
  return [ours, others];
}

describe("padSseFrame", () => {
  it("brings every length to its bucket, and changes no event", () => {
    for (let length = 0; length < 1100; length++) {
      const event = utf8(writeSseData("x".repeat(length)));
      const padded = padSseFrame(event);
      expect(padded).toHaveLength(paddedBytes(event.length));
      const parser = createSseParser();
      parser.push(padded);
      expect(parser.pending).toBe(false);
      expect(Buffer.compare(padded.subarray(0, event.length), event)).toBe(0);
      expect(eventsOf(concatBytes(padded, utf8("data: next\n\n")))).toEqual([
        ["x".repeat(length), "next"],
        ["x".repeat(length), "next"],
      ]);
    }
  });

  it("leaves a stream of any events what it was", () => {
    const texts = fc.array(
      fc.string({ unit: "grapheme", maxLength: 400 }).map((text) => JSON.stringify(text)),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(texts, (events) => {
        const stream = concatBytes(...events.map((data) => padSseFrame(utf8(writeSseData(data)))));
        expect(eventsOf(stream)).toEqual([events, events]);
      }),
    );
  });

  it("makes tokens of different lengths look alike", () => {
    const sizes = ["a", "und", "Donaudampfschiffahrt"].map((token) => padSseFrame(utf8(writeSseData(`{"content":"${token}"}`))).length);
    expect(new Set(sizes)).toEqual(new Set([256]));
  });

  it("adds nothing to nothing", () => {
    expect(padSseFrame(new Uint8Array(0))).toHaveLength(0);
  });
});
