import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CollateralError } from "./collateral-error.ts";
import { parseSignedJson } from "./signed-json.ts";
import { splitJsonObject } from "./split-json.ts";

/** Strings that look like structure. */
const tricky = fc.constantFrom(
  '"',
  "\\",
  '\\"',
  "}",
  '{"tcbInfo":{}',
  '","signature":"',
  "tcbInfo",
  "signature",
  "\u2028",
  "\ud800",
  "é",
  "💡",
  "\0",
  "__proto__",
);
const string = fc.oneof(
  tricky,
  fc.string({ unit: "binary" }),
  fc.array(tricky).map((parts) => parts.join("")),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    string,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(string, tie("any"), { maxKeys: 4 }),
  ),
})).any;
const space = fc.string({ unit: fc.constantFrom(" ", "\n", "\t", "\r"), maxLength: 3 });

/** Writes a string with some characters escaped that need not be. */
const written = (text: string, escapes: readonly boolean[]) =>
  `"${Array.from({ length: text.length }, (_, at) => {
    const unit = text[at] ?? "";
    return escapes[at % escapes.length] || !/[\x20-\x21\x23-\x5b\x5d-\x7e]/.test(unit)
      ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
      : unit;
  }).join("")}"`;

describe("splitJsonObject", () => {
  it("gives each member's exact text, whatever stands in strings and between tokens", () => {
    const members = fc.uniqueArray(fc.tuple(string, value, fc.array(fc.boolean(), { minLength: 1, maxLength: 4 })), {
      selector: ([name]) => name,
      maxLength: 6,
    });
    fc.assert(
      fc.property(members, space, fc.constantFrom(undefined, 1, "\t"), (pairs, gap, indent) => {
        const raw = pairs.map(([name, content, escapes]) => [name, JSON.stringify(content, null, indent), written(name, escapes)] as const);
        const text = `${gap}{${gap}${raw.map(([, content, name]) => `${name}${gap}:${gap}${content}`).join(`${gap},${gap}`)}${gap}}${gap}`;
        expect([...splitJsonObject(text, "x")]).toEqual(raw.map(([name, content]) => [name, content]));
      }),
      { numRuns: 2000 },
    );
  });

  it("takes nothing that JSON.parse does not take, and sees the same in the rest", () => {
    const alphabet = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      '"',
      "\\",
      "a",
      "1",
      "-",
      ".",
      "e",
      "0",
      " ",
      "true",
      "null",
      '"a":',
      '{"a":',
      "\\u0061",
      "\u0001",
    );
    const mutated = fc
      .tuple(fc.dictionary(string, value, { maxKeys: 3 }), fc.nat(), fc.nat(3), fc.array(alphabet, { maxLength: 3 }))
      .map(([object, at, cut, put]) => {
        const text = JSON.stringify(object);
        const from = at % (text.length + 1);
        return text.slice(0, from) + put.join("") + text.slice(from + cut);
      });
    fc.assert(
      fc.property(
        fc.oneof(
          mutated,
          fc.array(alphabet, { maxLength: 30 }).map((parts) => parts.join("")),
        ),
        (text) => {
          // The V8 of Node 24 is no oracle here: having read a name that ends in a backslash, it takes the next name
          // whose text begins like it (`"\\""`) for the same one. The property above reads such names without it.
          fc.pre(!/\\\\|\\u005c/i.test(text));
          let members: ReadonlyMap<string, string>;
          try {
            members = splitJsonObject(text, "x");
          } catch (error) {
            expect(error).toBeInstanceOf(CollateralError);
            return;
          }
          const parsed = JSON.parse(text) as Record<string, unknown>;
          expect([...members.keys()].sort()).toEqual(Object.keys(parsed).sort());
          for (const [name, raw] of members) expect(JSON.parse(raw)).toEqual(parsed[name]);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it("tells names apart that differ by their escape alone", () => {
    expect([...splitJsonObject('{"\\\\":1,"\\"":2}', "x")]).toEqual([
      ["\\", "1"],
      ['"', "2"],
    ]);
  });

  for (const [name, text] of [
    ["a member twice", '{"a":1,"a":2}'],
    ["a member twice, once escaped", '{"a":1,"\\u0061":2}'],
    ["a member twice further in", '{"a":{"b":[{"c":1,"c":1}]}}'],
    ["a trailing comma", '{"a":1,}'],
    ["a comment", '{"a":1/**/}'],
    ["a second object", '{"a":1}{"a":2}'],
    ["a number with a leading zero", '{"a":01}'],
    ["a number that is none", '{"a":NaN}'],
    ["an endless string", '{"a":"\\"}'],
    ["a raw line break in a string", '{"a":"\n"}'],
    ["a half escape", '{"a":"\\u12"}'],
    ["a list", "[1]"],
    ["nothing", ""],
    ["a no-break space", '{"a":\u00a01}'],
    ["single quotes", "{'a':1}"],
  ] as const) {
    it(`refuses ${name}`, () => {
      expect(() => splitJsonObject(text, "file.json")).toThrow(/^collateral: file\.json: /);
    });
  }

  it("refuses deep nesting, and reads long input in linear time", () => {
    for (const bomb of ['{"a":'.repeat(100_000), `{"a":${"[".repeat(100_000)}`]) {
      expect(() => splitJsonObject(bomb, "x")).toThrow("deeper than 32");
    }
    const startMs = performance.now();
    const long = '\\"'.repeat(500_000);
    expect(splitJsonObject(`{"a":"${long}","b":[${"1,".repeat(200_000)}1]}`, "x").get("a")).toHaveLength(1_000_002);
    expect(performance.now() - startMs).toBeLessThan(2000);
  });
});

describe("parseSignedJson", () => {
  it("cuts the document out as its bytes were, without writing it anew", () => {
    const document = '{ "id" : "TDX",\n\t"n": 1.0, "e":1e2, "s":"\\u0041 é }" }';
    const signature = "0Aa1".repeat(32);
    expect(parseSignedJson(` {"signature":"${signature}" , "tcbInfo"\n: ${document} , "more":[]} `, "tcbInfo", "x")).toEqual({
      text: document,
      signature: signature.toLowerCase(),
    });
  });

  it("is not fooled by a name in a string, further in, or twice", () => {
    const signature = "ab".repeat(64);
    const real = '{"real":true,"tcbInfo":{"fake":true},"note":"\\"tcbInfo\\":{\\"fake\\":true}"}';
    expect(parseSignedJson(`{"note":"\\",\\"tcbInfo\\":{}","tcbInfo":${real},"signature":"${signature}"}`, "tcbInfo", "x").text).toBe(real);
    for (const text of [
      `{"tcbInfo":{},"tcbInfo":${real},"signature":"${signature}"}`,
      `{"tcbInfo":${real},"signature":"${signature}","signatur\\u0065":"${"00".repeat(64)}"}`,
      `{"outer":{"tcbInfo":${real}},"signature":"${signature}"}`,
      `{"tcbInfo":"{}","signature":"${signature}"}`,
      `{"tcbInfo":{},"signature":"${signature}00"}`,
      `{"tcbInfo":{},"signature":["${signature}"]}`,
    ]) {
      expect(() => parseSignedJson(text, "tcbInfo", "x")).toThrow(CollateralError);
    }
  });
});
