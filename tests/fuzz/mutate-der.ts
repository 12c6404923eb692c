import { edgeNumber, joined, mutateBytes } from "./mutate-bytes.ts";
import type { Random } from "./random.ts";

/** An element of DER: either its contents or the elements in it. */
interface Node {
  tag: number;
  body: Uint8Array;
  children?: Node[];
  /** Bytes that stand for tag and length where those are to be wrong. */
  header?: Uint8Array;
}

const MAX_DEPTH = 24;
const TAGS = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x17, 0x18, 0x1f, 0x30, 0x31, 0x80, 0xa0, 0xa1, 0xa3, 0xff];

/** Changes one element of DER and writes the lengths around it anew, so that the change is reached. */
export function mutateDer(input: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  const forest = parseForest(input, 0);
  if (!forest || forest.length === 0) return mutateBytes(input, random, other);
  const lists = [...allLists(forest)];
  const list = random.pick(lists);
  const at = random.below(list.length);
  const node = list[at];
  if (!node) return mutateBytes(input, random, other);
  random.pick(changes)({ list, at, node, random, other });
  return joined(...forest.map(encode));
}

interface Change {
  readonly list: Node[];
  readonly at: number;
  readonly node: Node;
  readonly random: Random;
  readonly other: Uint8Array;
}

const changes: readonly ((change: Change) => void)[] = [
  ({ list, at }) => list.splice(at, 1),
  ({ list, at, node, random }) => list.splice(at, 0, ...Array.from({ length: random.oneIn(6) ? 40 : 1 }, () => node)),
  ({ list, at, random }) => list.splice(random.below(list.length), 0, ...list.splice(at, 1)),
  ({ node, random }) => (node.tag = random.pick(TAGS)),
  ({ node, random, other }) => replaceBody(node, mutateBytes(bodyOf(node), random, other)),
  ({ node }) => replaceBody(node, new Uint8Array()),
  ({ node, random }) =>
    replaceBody(
      node,
      Uint8Array.from({ length: random.below(12) }, () => random.below(256)),
    ),
  ({ node, random }) => {
    const length = random.oneIn(2) ? edgeNumber(random) : bodyOf(node).length + random.below(5) - 2;
    node.header = joined(Uint8Array.of(node.tag), random.pick([lengthBytes, paddedLength, indefinite])(Math.max(0, length)));
  },
  ({ list, at, node, random }) => {
    let wrapped = node;
    for (let depth = random.pick([1, 3, 200]); depth > 0; depth--)
      wrapped = { tag: random.pick([0x30, 0x31, 0xa0]), body: encode(wrapped) };
    list[at] = wrapped;
  },
  ({ list, random, other }) => {
    const foreign = parseForest(other, 0);
    const lists = foreign ? [...allLists(foreign)] : [];
    if (lists.length === 0) return;
    const donor = random.pick(random.pick(lists));
    list.splice(random.below(list.length + 1), random.below(2), donor);
  },
];

function replaceBody(node: Node, body: Uint8Array): void {
  node.body = body;
  delete node.children;
}

function* allLists(list: Node[]): Generator<Node[]> {
  if (list.length > 0) yield list;
  for (const { children } of list) if (children) yield* allLists(children);
}

function bodyOf({ children, body }: Node): Uint8Array {
  return children ? joined(...children.map(encode)) : body;
}

function encode(node: Node): Uint8Array {
  const body = bodyOf(node);
  return joined(node.header ?? joined(Uint8Array.of(node.tag), lengthBytes(body.length)), body);
}

function lengthBytes(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

function paddedLength(length: number): Uint8Array {
  return Uint8Array.of(0x84, (length >>> 24) & 0xff, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff);
}

function indefinite(): Uint8Array {
  return Uint8Array.of(0x80);
}

/** Reads bytes as elements one behind the other, as deep as they nest; undefined where they are none. */
function parseForest(bytes: Uint8Array, depth: number): Node[] | undefined {
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1];
    if (length === undefined) return undefined;
    let start = at + 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 3) return undefined;
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[start++] ?? 0);
    }
    if (start + length > bytes.length) return undefined;
    const body = bytes.subarray(start, start + length);
    const nests = (tag & 0x20) !== 0 || (tag === 0x04 && body[0] === 0x30) || (tag === 0x03 && body[1] === 0x30);
    const inner = tag === 0x03 ? undefined : body;
    const children = nests && inner && depth < MAX_DEPTH ? parseForest(inner, depth + 1) : undefined;
    nodes.push({ tag, body, ...(children && { children }) });
    at = start + length;
  }
  return nodes;
}
