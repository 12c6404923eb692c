import fc from "fast-check";
import { describe, it } from "vitest";
import { parseQuote, QuoteError } from "../../packages/attestation/src/index.ts";
import { deepDer } from "./bombs.ts";
import { collectCorpus } from "./corpus.ts";
import { findProblem } from "./fuzz-loop.ts";
import { pem } from "./mutate-text.ts";
import { parserEntries } from "./parser-entries.ts";
import type { ParserEntry } from "./parser-entry.ts";

const SEED = 20_261_120;
const RUNS = 250;
const encoder = new TextEncoder();

const json = fc.json({ maxDepth: 6 }).map((text) => encoder.encode(text));
const bytes = fc.uint8Array({ maxLength: 4096 });
const text = fc.string({ unit: "binary", maxLength: 2000 }).map((value) => encoder.encode(value));
/** DER of random shape: what a random byte string almost never is. */
const { element: der } = fc.letrec<{ element: Uint8Array }>((tie) => ({
  element: fc.oneof(
    { maxDepth: 8 },
    fc
      .tuple(fc.constantFrom(0x01, 0x02, 0x03, 0x04, 0x06, 0x0c, 0x13, 0x17, 0x18), fc.uint8Array({ maxLength: 24 }))
      .map(([tag, body]) => element(tag, body)),
    fc
      .tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa3), fc.array(tie("element"), { maxLength: 6 }))
      .map(([tag, children]) => element(tag, Buffer.concat(children))),
  ),
}));
const armoured = fc
  .array(fc.oneof(der.map(pem), fc.constantFrom("\n", "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", " ", "\0")), {
    maxLength: 10,
  })
  .map((pieces) => encoder.encode(pieces.join("\n")));

function element(tag: number, body: Uint8Array): Uint8Array {
  const length = body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Uint8Array.of(tag, ...length), body]);
}

/** A prefix of a sound input, and what random bytes stand behind it: lengths are wrong, the rest is right. */
function cutAndContinued(entry: ParserEntry): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.constantFrom(...entry.seeds), fc.double({ min: 0, max: 1, noNaN: true }), fc.uint8Array({ maxLength: 64 }))
    .map(([seed, share, tail]) => Buffer.concat([seed.subarray(0, Math.floor(seed.length * share)), tail]));
}

const entries = parserEntries(await collectCorpus({ recorded: false }));

describe("whatever a parser is given, it parses or throws its own error, in time", () => {
  for (const entry of entries) {
    it(entry.name, async () => {
      const inputs = entry.form === "json" ? json : fc.oneof(bytes, text, json, der, armoured, cutAndContinued(entry));
      await fc.assert(
        fc.asyncProperty(inputs, async (input) => {
          const problem = await findProblem(entry, input);
          if (problem !== undefined) throw new Error(problem);
        }),
        { seed: SEED, numRuns: RUNS },
      );
    });
  }

  it("quote: no shorter part of a sound one is a quote", () => {
    const quote = entries.find(({ name }) => name === "quote")?.seeds[0] ?? new Uint8Array();
    fc.assert(
      fc.property(fc.nat({ max: quote.length - 1 }), (length) => {
        try {
          parseQuote(quote.subarray(0, length));
        } catch (error) {
          return error instanceof QuoteError;
        }
        return false;
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("every DER reader survives nesting that would exhaust a stack", async () => {
    for (const entry of entries.filter(({ form }) => form === "der")) {
      const problem = await findProblem(entry, deepDer(0x30, 60_000));
      if (problem !== undefined) throw new Error(`${entry.name}: ${problem}`);
    }
  });
});
