import { mutateDer } from "./mutate-der.ts";
import type { Random } from "./random.ts";

const PIECES = [
  "-----BEGIN CERTIFICATE-----",
  "-----END CERTIFICATE-----",
  "\n",
  "\r",
  "\0",
  " ".repeat(4000),
  "=",
  "==",
  "A",
  "é",
  "\u2028",
  "-",
  '"',
  "\\",
  "{",
  "[",
  "0",
  "e9",
  "Z",
  "%00",
  "&",
  ":",
];

/** Changes a text; where it holds PEM, at times the certificate in it. */
export function mutateText(text: string, random: Random, other: string): string {
  const at = random.below(text.length + 1);
  const armoured = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;
  const blocks = [...text.matchAll(armoured)];
  if (blocks.length > 0 && !random.oneIn(3)) {
    const block = random.pick(blocks);
    const der = Uint8Array.from(Buffer.from(block[1] ?? "", "base64"));
    const from = block.index;
    const to = from + block[0].length;
    const mutated = () => pem(mutateDer(der, random, der));
    const change = random.pick([mutated, mutated, mutated, () => "", () => `${block[0]}\n${block[0]}`, () => `${block[0]}\n`.repeat(20)]);
    return text.slice(0, from) + change() + text.slice(to);
  }
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random.below(8));
    case 2:
      return text.slice(0, at) + random.pick(PIECES) + text.slice(at);
    case 3:
      return text.slice(0, at) + String.fromCharCode(random.oneIn(4) ? random.below(0x1_0000) : random.below(128)) + text.slice(at + 1);
    case 4:
      return text.slice(0, at) + other.slice(random.below(other.length + 1));
    default:
      return text.slice(0, at) + text.slice(at, at + random.below(64)).repeat(random.pick([2, 3, 500])) + text.slice(at);
  }
}

/** PEM of one certificate. */
export function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----`;
}
