import { edgeNumber, mutateBytes } from "./mutate-bytes.ts";
import { mutateDer } from "./mutate-der.ts";
import { mutateText } from "./mutate-text.ts";
import type { Random } from "./random.ts";

const MAX_NESTED_TEXTS = 3;
const MAX_PLACES = 4096;

/** Values that a reader of JSON may take for something else. */
function oddValue(random: Random): unknown {
  return random.pick<() => unknown>([
    () => null,
    () => true,
    () => "",
    () => "0x",
    () => "\u0000",
    () => "é\ud800",
    () => -1,
    () => 1.5,
    () => 1e308,
    () => Number.MAX_SAFE_INTEGER + 2,
    () => edgeNumber(random),
    () => [],
    () => ({}),
    () => "a".repeat(random.pick([16, 1025, 70_000])),
    () => "f".repeat(random.pick([64, 96, 128, 20_000])),
    () => Array.from({ length: random.pick([1, 17, 5000]) }, () => ({})),
    () => nested(random.pick([10, 2000])),
    () => JSON.parse('{"__proto__":{"polluted":1},"constructor":0,"toString":null}') as unknown,
    () => "9999-99-99T99:99:99Z",
    () => "2026-02-30",
  ])();
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

type Container = unknown[] | Record<string, unknown>;

/** Changes one value somewhere in parsed JSON: also inside texts that are themselves JSON, hex or PEM. */
export function mutateJson(value: unknown, random: Random, other: unknown, level = 0): unknown {
  const copy = structuredClone(value);
  const places = allPlaces(copy);
  if (places.length === 0 || random.oneIn(60)) return level === 0 ? mutateLeaf(copy, random, other, level) : oddValue(random);
  const [container, key] = random.pick(places);
  const old = read(container, key);
  switch (random.below(8)) {
    case 0:
      write(container, key, oddValue(random));
      break;
    case 1:
      remove(container, key);
      break;
    case 2:
      if (Array.isArray(container)) container.splice(Number(key), 0, ...Array.from({ length: random.oneIn(6) ? 300 : 1 }, () => old));
      else write(container, `${key}${random.pick(["", "s", " ", "_x"])}`, old);
      break;
    case 3: {
      const foreign = allPlaces(other);
      if (foreign.length > 0) write(container, key, structuredClone(read(...random.pick(foreign))));
      break;
    }
    case 4:
      if (Array.isArray(container)) container.reverse();
      else rename(container, key, random.pick(["__proto__", "constructor", "length", key.toUpperCase(), `${key} `]));
      break;
    default:
      write(container, key, mutateLeaf(old, random, other, level));
  }
  return copy;
}

function mutateLeaf(value: unknown, random: Random, other: unknown, level: number): unknown {
  if (typeof value === "number") return random.oneIn(2) ? edgeNumber(random) : value + random.below(5) - 2;
  if (typeof value !== "string") return oddValue(random);
  if (level < MAX_NESTED_TEXTS && /^\s*[[{]/.test(value)) {
    try {
      return JSON.stringify(mutateJson(JSON.parse(value), random, other, level + 1));
    } catch {
      return mutateText(value, random, value);
    }
  }
  if (value.length >= 16 && value.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(value) && !random.oneIn(6)) {
    const bytes = Uint8Array.from(Buffer.from(value, "hex"));
    return Buffer.from((bytes[0] === 0x30 ? mutateDer : mutateBytes)(bytes, random, bytes)).toString("hex");
  }
  return mutateText(value, random, value);
}

/** Every member and element of a value, however deep. */
function allPlaces(value: unknown): [Container, string][] {
  const places: [Container, string][] = [];
  const open: unknown[] = [value];
  while (open.length > 0 && places.length < MAX_PLACES) {
    const container = open.pop();
    if (typeof container !== "object" || container === null) continue;
    for (const key of Object.keys(container)) {
      places.push([container as Container, key]);
      open.push(read(container as Container, key));
    }
  }
  return places;
}

function read(container: Container, key: string): unknown {
  return (container as Record<string, unknown>)[key];
}

function write(container: Container, key: string, value: unknown): void {
  Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

function remove(container: Container, key: string): void {
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key];
}

function rename(container: Record<string, unknown>, from: string, to: string): void {
  const value = container[from];
  delete container[from];
  write(container, to, value);
}
