import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createToolCallSorter, ToolCallError, type ToolCallPiece } from "./tool-calls.ts";

type Json = Record<string, unknown>;
const A = '{"city":"A"}';
const B = '{"city":"B","note":"} { \\" ["}';
const piece = (index: number | undefined, id: string | undefined, name: string | undefined, args?: unknown): Json => ({
  ...(index !== undefined && { index }),
  ...(id !== undefined && { id, type: "function" }),
  function: { ...(name !== undefined && { name }), ...(args !== undefined && { arguments: args }) },
});

interface Joined {
  id: string | undefined;
  name: string;
  arguments: string;
}

function join(lists: readonly unknown[]): Joined[] {
  const sorter = createToolCallSorter();
  const calls = new Map<number, Joined>();
  const add = ({ index, id, name, arguments: text }: ToolCallPiece) => {
    const call = calls.get(index) ?? { id: undefined, name: "", arguments: "" };
    calls.set(index, { id: id ?? call.id, name: call.name + (name ?? ""), arguments: call.arguments + (text ?? "") });
  };
  for (const list of lists) for (const one of sorter.push(list)) add(one);
  sorter.end();
  return [...calls].sort(([a], [b]) => a - b).map(([, call]) => call);
}

const call = (id: string | undefined, args: string, name = "f"): Joined => ({ id, name, arguments: args });
const split = (text: string) => [text.slice(0, 5), text.slice(5)] as const;

describe("calls that can be told apart", () => {
  const [a1, a2] = split(A);
  const [b1, b2] = split(B);
  it.each<[string, unknown[], Joined[]]>([
    [
      "as OpenAI streams them",
      [[piece(0, "a", "f", "")], [piece(0, undefined, undefined, a1)], [piece(0, undefined, undefined, a2)], [piece(1, "b", "f", B)]],
      [call("a", A), call("b", B)],
    ],
    [
      "interleaved, each by its index",
      [
        [piece(0, "a", "f", a1), piece(1, "b", "f", b1)],
        [piece(1, undefined, undefined, b2), piece(0, undefined, undefined, a2)],
      ],
      [call("a", A), call("b", B)],
    ],
    ["both numbered 0, each whole", [[piece(0, "a", "f", A)], [piece(0, "b", "f", B)]], [call("a", A), call("b", B)]],
    [
      "both numbered 0, one after the other in pieces",
      [[piece(0, "a", "f", a1)], [piece(0, undefined, undefined, a2)], [piece(0, "b", "f", b1)], [piece(0, undefined, undefined, b2)]],
      [call("a", A), call("b", B)],
    ],
    ["both numbered 0 in one list", [[piece(0, "a", "f", A), piece(0, "b", "f", B)]], [call("a", A), call("b", B)]],
    [
      "both numbered 0, without ids",
      [[piece(0, undefined, "f", A)], [piece(0, undefined, "f", B)]],
      [call(undefined, A), call(undefined, B)],
    ],
    ["without an index", [[piece(undefined, "a", "f", A)], [piece(undefined, "b", "f", B)]], [call("a", A), call("b", B)]],
    [
      "without an index, in pieces",
      [[piece(undefined, "a", "f", a1)], [piece(undefined, undefined, undefined, a2)], [piece(undefined, "b", "f", B)]],
      [call("a", A), call("b", B)],
    ],
    [
      "without index or id, in one list",
      [[piece(undefined, undefined, "f", A), piece(undefined, undefined, "f", B)]],
      [call(undefined, A), call(undefined, B)],
    ],
    [
      "of a tool without arguments, in one list",
      [[piece(undefined, undefined, "f"), piece(undefined, undefined, "f")]],
      [call(undefined, ""), call(undefined, "")],
    ],
    ["with id and name in every piece", [[piece(0, "a", "f", a1)], [piece(0, "a", "f", a2)]], [call("a", A)]],
    ["with the name in every piece", [[piece(0, undefined, "f", a1)], [piece(0, undefined, "f", a2)]], [call(undefined, A)]],
    ["with empty id and name in later pieces", [[piece(0, "a", "f", a1)], [piece(0, "", "", a2)]], [call("a", A)]],
    [
      "with null for what is left out",
      [[piece(0, "a", "f", a1)], [{ index: 0, id: null, function: { name: null, arguments: a2 } }]],
      [call("a", A)],
    ],
    ["whose id comes behind the name", [[piece(0, undefined, "f")], [piece(0, "a", undefined, A)]], [call("a", A)]],
    ["whose name comes behind the id", [[{ index: 0, id: "a" }], [piece(0, undefined, "f", A)]], [call("a", A)]],
    ["numbered from 1", [[piece(1, "a", "f", A)]], [call("a", A)]],
    ["cut short, as by a limit of tokens", [[piece(0, "a", "f", A)], [piece(1, "b", "f", b1)]], [call("a", A), call("b", b1)]],
    [
      "with white space around their arguments",
      [[piece(0, "a", "f", ` ${A}\n`)], [piece(0, undefined, undefined, "\n")]],
      [call("a", ` ${A}\n\n`)],
    ],
    ["none", [undefined, null, []], []],
  ])("%s", (_name, lists, calls) => {
    expect(join(lists)).toEqual(calls);
  });
});

describe("calls that cannot", () => {
  const [a1, a2] = split(A);
  it.each<[string, unknown[]]>([
    ["two run together under one id", [[piece(0, "a", "f", A)], [piece(0, "a", "f", B)]]],
    ["two of one id under two numbers", [[piece(0, "a", "f", A)], [piece(1, "a", "f", B)]]],
    [
      "one that begins within another of its number",
      [[piece(0, "a", "f", a1)], [piece(0, "b", "f", B)], [piece(0, undefined, undefined, a2)]],
    ],
    ["one that begins within another, unnumbered", [[piece(undefined, "a", "f", a1)], [piece(undefined, "b", "f", B)]]],
    ["arguments behind their end", [[piece(0, "a", "f", A)], [piece(0, undefined, undefined, B)]]],
    ["two in one piece", [[piece(0, "a", "f", A + B)]]],
    ["another name within", [[piece(0, "a", "f", a1)], [piece(0, undefined, "g", a2)]]],
    ["another name under one id", [[piece(0, "a", "f", a1)], [piece(0, "a", "g", a2)]]],
    ["arguments of nothing", [[piece(0, undefined, undefined, A)]]],
    ["a call without a name", [[piece(0, "a", undefined, A)]]],
    ["arguments that are an object", [[piece(0, "a", "f", { city: "A" })]]],
    ["arguments that are a list", [[piece(0, "a", "f", [])]]],
    ["a name that is none", [[{ index: 0, id: "a", function: { name: 5 } }]]],
    ["an id that is none", [[{ index: 0, id: 5, function: { name: "f" } }]]],
    ["a function that is none", [[{ index: 0, id: "a", function: "f" }]]],
    ["an index that is none", [[piece(-1, "a", "f", A)]]],
    ["an index in words", [[{ ...piece(0, "a", "f", A), index: "0" }]]],
    ["an index beyond all calls", [[piece(128, "a", "f", A)]]],
    ["no list", [{}]],
    ["no objects", [["f"]]],
    ["too many at once", [Array.from({ length: 129 }, (_, i) => piece(undefined, `${i}`, "f", A))]],
    ["too many in all", Array.from({ length: 129 }, (_, i) => [piece(undefined, `${i}`, "f", A)])],
  ])("%s", (_name, lists) => {
    expect(() => join(lists)).toThrow(ToolCallError);
  });
});

it("however a stream numbers and splits them, calls come out as they were or not at all", () => {
  const argument = fc
    .dictionary(fc.string({ maxLength: 4 }), fc.oneof(fc.string({ maxLength: 6 }), fc.integer()), { maxKeys: 3 })
    .map((o) => JSON.stringify(o));
  const numbering = fc.constantFrom<(i: number) => number | undefined>(
    (i) => i,
    () => 0,
    () => undefined,
  );
  fc.assert(
    fc.property(
      fc.array(argument, { minLength: 1, maxLength: 4 }),
      numbering,
      fc.boolean(),
      fc.boolean(),
      fc.nat(3),
      (all, number, withIds, repeats, cut) => {
        const lists = all.flatMap((text, i) => {
          const id = withIds ? `call${i}` : undefined;
          const first = piece(number(i), id, "f", text.slice(0, cut));
          return [
            [first],
            [repeats ? piece(number(i), id, "f", text.slice(cut)) : piece(number(i), undefined, undefined, text.slice(cut))],
          ];
        });
        let joined: Joined[];
        try {
          joined = join(lists);
        } catch (error) {
          expect(error).toBeInstanceOf(ToolCallError);
          return;
        }
        expect(joined).toEqual(all.map((text, i) => call(withIds ? `call${i}` : undefined, text)));
      },
    ),
  );
});
