import { mutateDer } from "./mutate-der.ts";
import { mutateJson } from "./mutate-json.ts";
import { mutateText } from "./mutate-text.ts";
import type { Random } from "./random.ts";

type ErrorClass = abstract new (...args: never[]) => Error;

/** One way into the verifier for bytes that somebody else wrote. */
export interface ParserEntry {
  readonly name: string;
  /** What it reads; `json` is given parsed JSON. */
  readonly form: "bytes" | "der" | "text" | "json";
  /** The only errors that it may throw. */
  readonly ownErrors: readonly ErrorClass[];
  readonly seeds: readonly Uint8Array[];
  readonly mutate: (input: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;
  /** Parses; a promise where it must be awaited. */
  readonly run: (input: Uint8Array) => unknown;
  /** Longest that one input may take, in milliseconds. */
  readonly maxMs: number;
}

/** Longest that one input of any entry may take, in milliseconds. */
export const MAX_MS = 100;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** For parsers of DER. */
export function derEntry(
  name: string,
  ownErrors: readonly ErrorClass[],
  seeds: readonly Uint8Array[],
  run: (der: Uint8Array) => unknown,
): ParserEntry {
  return { name, form: "der", ownErrors, seeds, mutate: mutateDer, run, maxMs: MAX_MS };
}

/** For parsers of JSON that get its text. */
export function jsonTextEntry(
  name: string,
  ownErrors: readonly ErrorClass[],
  seeds: readonly string[],
  run: (text: string) => unknown,
): ParserEntry {
  const asText = textEntry(name, ownErrors, seeds, run);
  return {
    ...asText,
    mutate(input, random, other) {
      if (random.oneIn(3)) return asText.mutate(input, random, other);
      try {
        return encoder.encode(JSON.stringify(mutateJson(asJson(input), random, asJson(other))));
      } catch {
        return asText.mutate(input, random, other);
      }
    },
  };
}

/** For parsers of text. */
export function textEntry(
  name: string,
  ownErrors: readonly ErrorClass[],
  seeds: readonly string[],
  run: (text: string) => unknown,
): ParserEntry {
  return {
    name,
    form: "text",
    ownErrors,
    seeds: seeds.map((seed) => encoder.encode(seed)),
    mutate: (input, random, other) => encoder.encode(mutateText(decoder.decode(input), random, decoder.decode(other))),
    run: (input) => run(decoder.decode(input)),
    maxMs: MAX_MS,
  };
}

/** For parsers of JSON that get it parsed. */
export function jsonEntry(
  name: string,
  ownErrors: readonly ErrorClass[],
  seeds: readonly unknown[],
  run: (json: unknown) => unknown,
): ParserEntry {
  return {
    name,
    form: "json",
    ownErrors,
    seeds: seeds.map((seed) => encoder.encode(JSON.stringify(seed))),
    mutate: (input, random, other) => encoder.encode(JSON.stringify(mutateJson(asJson(input), random, asJson(other)))),
    run: (input) => run(asJson(input)),
    maxMs: MAX_MS,
  };
}

function asJson(input: Uint8Array): unknown {
  return JSON.parse(decoder.decode(input)) as unknown;
}
