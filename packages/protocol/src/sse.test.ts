import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "./bytes.ts";
import { createSseParser, SseError, type SseEvent, writeSseComment, writeSseData } from "./sse.ts";

/** Feeds a stream in pieces cut at the given offsets. */
function parse(stream: Uint8Array, cuts: readonly number[] = [], maxEventBytes?: number): { events: SseEvent[]; pending: boolean } {
  const parser = createSseParser(maxEventBytes);
  const events: SseEvent[] = [];
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), stream.length]) {
    events.push(...parser.push(stream.subarray(from, cut)));
    from = cut;
  }
  return { events, pending: parser.pending };
}

const dataOf = (stream: string) => parse(utf8(stream)).events.map((event) => event.data);

// A stream built of what matters: fields, comments, every line ending, characters of every width, and noise.
const word = fc.string({ unit: fc.constantFrom("a", ":", " ", "é", "世", "🎭", "\ufeff", "data", "[DONE]", "{}"), maxLength: 6 });
const line = fc.oneof(
  word.map((text) => `data: ${text}`),
  word.map((text) => `data:${text}`),
  word.map((text) => `:${text}`),
  word.map((text) => `event: ${text}`),
  word,
  fc.constantFrom("data", "", "", "data:", ":", "id: 1", "retry: 10", "data : x", " data: x"),
);
const ending = fc.constantFrom("\n", "\n", "\r\n", "\r");
const stream = fc
  .tuple(fc.boolean(), fc.array(fc.tuple(line, ending), { maxLength: 24 }))
  .map(([mark, lines]) => (mark ? "\ufeff" : "") + lines.map((parts) => parts.join("")).join(""));

describe("createSseParser", () => {
  it("reads events, joins data lines, and ignores other fields", () => {
    expect(dataOf("data: one\n\ndata: two\ndata: lines\n\nevent: x\nid: 3\nretry: 1\ndata:none\n\n")).toEqual([
      "one",
      "two\nlines",
      "none",
    ]);
  });

  it("strips one space, keeps more, and takes a data field without a colon", () => {
    expect(dataOf("data:  two\n\ndata\n\ndata:\n\ndata:\ndata\n\n")).toEqual([" two", "", "", "\n"]);
  });

  it("gives comments their own block, and with data when they stand together", () => {
    expect(parse(utf8(": ping\n\n:a\n: b\ndata: x\n\n")).events).toEqual([
      { data: undefined, comments: ["ping"], endOffset: 8 },
      { data: "x", comments: ["a", "b"], endOffset: 24 },
    ]);
  });

  it("says where each block ended, whatever ends its lines", () => {
    expect(parse(utf8("data: a\n\n")).events.map((event) => event.endOffset)).toEqual([9]);
    expect(parse(utf8("data: a\r\rdata: b\r\r")).events.map((event) => event.endOffset)).toEqual([9, 18]);
    expect(parse(utf8("data: a\r\n\r\ndata: b\r\n\r\n")).events.map((event) => event.endOffset)).toEqual([10, 21]);
  });

  it("takes a byte order mark at the start only", () => {
    expect(dataOf("\ufeffdata: a\n\n")).toEqual(["a"]);
    expect(dataOf("\ufeff\ndata: a\n\n")).toEqual(["a"]);
    expect(dataOf("data: a\n\n\ufeffdata: b\n\n")).toEqual(["a"]);
    expect(dataOf("\n\ufeffdata: b\n\n")).toEqual([]);
  });

  it("does not return an unfinished block, and says that it is pending", () => {
    expect(parse(utf8("data: a\n\ndata: b\n"))).toMatchObject({ events: [{ data: "a" }], pending: true });
    expect(parse(utf8("data: a\n\nda"))).toMatchObject({ pending: true });
    expect(parse(utf8("data: a\n\n"))).toMatchObject({ pending: false });
    expect(parse(utf8("data: a\r\n\r\n"))).toMatchObject({ pending: false });
    expect(parse(new Uint8Array(0))).toEqual({ events: [], pending: false });
  });

  it("refuses what is not UTF-8, also when a character is cut by the end of its line", () => {
    for (const bad of [[0xff], [0xc3], [0xe4, 0xb8], [0xed, 0xa0, 0x80], [0xc0, 0xaf]]) {
      const bytes = concatBytes(utf8("data: "), Uint8Array.from(bad), utf8("\n\n"));
      expect(() => parse(bytes)).toThrow(expect.objectContaining({ name: "SseError", code: "not_utf8" }) as Error);
      expect(() => parse(bytes, [6, 7])).toThrow(SseError);
    }
  });

  it("holds a block to its limit, however it arrives", () => {
    const limit = 32;
    const fitting = utf8(`data: ${"x".repeat(limit - 8)}\n\n`);
    expect(fitting).toHaveLength(limit);
    const everywhere = Array.from({ length: 64 }, (_, i) => i);
    expect(parse(concatBytes(fitting, fitting), everywhere, limit).events).toHaveLength(2);
    const tooLong = {
      "one long line": utf8(`data: ${"x".repeat(limit - 7)}\n\n`),
      "a line without end": utf8("x".repeat(limit + 1)),
      "many lines": utf8("data: x\n".repeat(5)),
      "a comment": utf8(`:${"x".repeat(limit)}\n\n`),
    };
    for (const [why, bytes] of Object.entries(tooLong)) {
      for (const cuts of [[], everywhere, [limit]]) {
        expect(
          () =>
            parse(
              bytes,
              cuts.filter((cut) => cut < bytes.length),
              limit,
            ),
          why,
        ).toThrow(expect.objectContaining({ code: "event_too_large" }) as Error);
      }
    }
  });

  it("takes a large event one byte at a time", () => {
    const parser = createSseParser();
    const bytes = utf8(`data: ${"x".repeat(300_000)}\n\n`);
    const events = [];
    for (let i = 0; i < bytes.length; i++) events.push(...parser.push(bytes.subarray(i, i + 1)));
    expect(events.map(({ data, endOffset }) => [data?.length, endOffset])).toEqual([[300_000, bytes.length]]);
  });

  it("has a limit when none is named", () => {
    const parser = createSseParser();
    const megabyte = new Uint8Array(1024 * 1024).fill(0x61);
    expect(parser.push(megabyte)).toEqual([]);
    expect(() => parser.push(Uint8Array.of(0x61))).toThrow(SseError);
  });

  it("keeps no reference to the caller's buffer", () => {
    const parser = createSseParser();
    const buffer = utf8("data: kept");
    parser.push(buffer);
    buffer.fill(0x78);
    expect(parser.push(utf8("\n\n"))).toMatchObject([{ data: "kept" }]);
  });

  it("property: a split anywhere changes neither events nor offsets", () => {
    fc.assert(
      fc.property(stream, (text) => {
        const bytes = utf8(text);
        const whole = parse(bytes);
        for (let cut = 0; cut <= bytes.length; cut++) expect(parse(bytes, [cut])).toEqual(whole);
        expect(
          parse(
            bytes,
            Array.from({ length: bytes.length }, (_, i) => i),
          ),
        ).toEqual(whole);
      }),
      { numRuns: 150 },
    );
  });

  it("property: offsets ascend, and the bytes up to one give the events up to it", () => {
    fc.assert(
      fc.property(stream, (text) => {
        const bytes = utf8(text);
        const { events } = parse(bytes);
        for (const [i, event] of events.entries()) {
          expect(event.endOffset).toBeGreaterThan(events[i - 1]?.endOffset ?? 0);
          expect(parse(bytes.subarray(0, event.endOffset)).events).toEqual(events.slice(0, i + 1));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("property: agrees with eventsource-parser on data and comments", () => {
    fc.assert(
      fc.property(stream, (text) => {
        // A last event, so that no line ending at the end is open to interpretation.
        const bytes = utf8(`${text}\n\ndata: end\n\n`);
        const theirs: { data: string[]; comments: string[] } = { data: [], comments: [] };
        const reference = createParser({
          onEvent: ({ data }) => theirs.data.push(data),
          onComment: (comment) => theirs.comments.push(comment),
        });
        reference.feed(new TextDecoder().decode(bytes));
        const { events } = parse(bytes);
        expect(events.flatMap((event) => (event.data === undefined ? [] : [event.data]))).toEqual(theirs.data);
        expect(events.flatMap((event) => event.comments)).toEqual(theirs.comments);
      }),
      { numRuns: 2000 },
    );
  });

  it("property: any bytes give events or an SseError, and the same one for any split", () => {
    const outcome = (bytes: Uint8Array, cuts: readonly number[]) => {
      try {
        return parse(bytes, cuts, 40).events.length;
      } catch (error) {
        if (error instanceof SseError) return "refused";
        throw error;
      }
    };
    const soup = fc
      .array(fc.constantFrom(0x0a, 0x0d, 0x3a, 0x20, 0x64, 0x61, 0x74, 0xc3, 0xa9, 0xff, 0xef, 0xbb, 0xbf), { maxLength: 120 })
      .map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(fc.oneof(soup, fc.uint8Array({ maxLength: 80 })), fc.array(fc.nat(120)), (bytes, cuts) => {
        expect(
          outcome(
            bytes,
            cuts.filter((cut) => cut < bytes.length),
          ),
        ).toBe(outcome(bytes, []));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("writeSseData, writeSseComment", () => {
  it("write what the parser reads", () => {
    const lines = fc.string({ unit: "grapheme" }).filter((text) => !/[\r\n\ufeff]/.test(text));
    fc.assert(
      fc.property(lines, lines, (data, comment) => {
        expect(parse(utf8(writeSseData(data) + writeSseComment(comment))).events).toMatchObject([
          { data, comments: [] },
          { data: undefined, comments: [comment] },
        ]);
      }),
    );
  });
});
