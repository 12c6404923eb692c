import type { Random } from "./random.ts";

/** Values at which lengths and counters are checked wrongly. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

type ByteMutation = (input: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const mutations: readonly ByteMutation[] = [
  function flipBits(input, random) {
    const output = new Uint8Array(input);
    for (let flips = 1 + random.below(4); flips > 0; flips--) {
      const at = random.below(output.length);
      output[at] = (output[at] ?? 0) ^ (1 << random.below(8));
    }
    return output;
  },
  function setByte(input, random) {
    const output = new Uint8Array(input);
    if (output.length > 0) output[random.below(output.length)] = random.oneIn(2) ? random.below(256) : random.pick(EDGES) & 0xff;
    return output;
  },
  function setField(input, random) {
    const output = new Uint8Array(input);
    const size = random.pick([2, 4]);
    if (output.length < size) return output;
    const view = new DataView(output.buffer);
    const at = random.below(output.length - size + 1);
    const value = random.oneIn(3) ? output.length - at + random.below(9) - 4 : random.pick(EDGES);
    if (size === 2) view.setUint16(at, value & 0xffff, random.oneIn(2));
    else view.setUint32(at, value >>> 0, random.oneIn(2));
    return output;
  },
  function cut(input, random) {
    return input.slice(0, random.below(input.length + 1));
  },
  function remove(input, random) {
    const from = random.below(input.length);
    return joined(input.subarray(0, from), input.subarray(from + 1 + random.below(random.pick([2, 16, 256]))));
  },
  function repeat(input, random) {
    const from = random.below(input.length);
    const piece = input.subarray(from, from + 1 + random.below(random.pick([4, 64, 1024])));
    const times = random.oneIn(8) ? 64 : 1 + random.below(3);
    return joined(input.subarray(0, from), ...Array.from({ length: times }, () => piece), input.subarray(from));
  },
  function insert(input, random) {
    const at = random.below(input.length + 1);
    const inserted = Uint8Array.from({ length: 1 + random.below(16) }, () => random.below(256));
    return joined(input.subarray(0, at), inserted, input.subarray(at));
  },
  function splice(input, random, other) {
    const at = random.below(input.length + 1);
    return joined(input.subarray(0, at), other.subarray(random.oneIn(2) ? at : random.below(other.length + 1)));
  },
  function overwrite(input, random, other) {
    const output = new Uint8Array(input);
    const from = random.below(other.length);
    const piece = other.subarray(from, from + 1 + random.below(64));
    const at = random.below(Math.max(1, output.length - piece.length));
    output.set(piece.subarray(0, output.length - at), at);
    return output;
  },
];

/** Changes bytes without knowing what they mean. */
export function mutateBytes(input: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  return random.pick(mutations)(input, random, other);
}

/** One of the values at which arithmetic on lengths goes wrong. */
export function edgeNumber(random: Random): number {
  return random.pick(EDGES);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const output = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    output.set(part, at);
    at += part.length;
  }
  return output;
}
