import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bounded } from "../../../../tests/support/bounded.ts";
import { ComposeError } from "./compose-error.ts";
import { parseComposeYaml, type YamlValue } from "./compose-yaml.ts";

const plain = (value: YamlValue): unknown =>
  value instanceof Map
    ? Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]))
    : Array.isArray(value)
      ? value.map(plain)
      : value;
const read = (text: string) => plain(parseComposeYaml(text));

describe("parseComposeYaml", () => {
  it("reads every scalar as its text", () => {
    expect(read("a: true\nb: 0755\nc: null\nd:\ne: 'x: y'\nf: [1, '2']\ng: |\n  l1\n  l2\n")).toEqual({
      a: "true",
      b: "0755",
      c: "null",
      d: "",
      e: "x: y",
      f: ["1", "2"],
      g: "l1\nl2\n",
    });
  });

  it("follows anchors, aliases and merge keys; own members and earlier sources win", () => {
    const text = "x: &x {image: a, user: u}\ny: &y {image: b, ports: [1]}\ns:\n  <<: [*x, *y]\n  user: own\nt: *x\n";
    expect(read(text)).toMatchObject({ s: { image: "a", ports: ["1"], user: "own" }, t: { image: "a", user: "u" } });
  });

  it("takes an anchor that is given again at its newest place", () => {
    expect(read("a: &n one\nb: &n two\nc: *n\n")).toMatchObject({ c: "two" });
  });

  for (const [what, text] of [
    ["a key twice", "a: 1\na: 2\n"],
    ["a key twice in a bracket", "{a: 1, a: 2}"],
    ["a tag", "a: !reset null\n"],
    ["an alias to nothing", "a: *b\n"],
    ["an alias to what is around it", "a: &a\n  b: *a\n"],
    ["two documents", "a: 1\n---\nb: 2\n"],
    ["a directive", "%YAML 1.1\n---\na: 1\n"],
    ["a key that is a list", "? [a]\n: b\n"],
    ["a merge of a text", "<<: a\n"],
    ["nothing", ""],
    ["a tab as indentation", "a:\n\tb: c\n"],
    ["an open quote", "a: 'x\n"],
    ["a merge key in quotation marks", 'a: &a {b: c}\nd: {"<<": *a}\n'],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => parseComposeYaml(text)).toThrow(ComposeError);
    });
  }

  // Docker Compose (compose-go 2) reads a service `sidecar` out of each of these texts; YAML 1.2 reads a comment.
  for (const [what, end] of [
    ["a lone CR", "\r"],
    ["NEL", "\u0085"],
    ["a line separator", "\u2028"],
    ["a paragraph separator", "\u2029"],
  ] as const) {
    it(`refuses ${what}, behind which a comment ends for some readers`, () => {
      const text = `services:\n  engine:\n    image: a # pinned${end}  sidecar:${end}    image: logger\n`;
      expect(() => parseComposeYaml(text)).toThrow(/U\+[0-9A-F]{4} at character \d+/);
    });
  }

  it("refuses control characters and byte order marks, and takes CR LF, tabs in texts and other languages", () => {
    for (const character of ["\0", "\u001b", "\u007f", "\ufeff", "\ud800"])
      expect(() => parseComposeYaml(`a: "x${character}"\n`)).toThrow(ComposeError);
    expect(read('a: "x\ty"\r\nb: Grüße 你好 😀\r\n')).toEqual({ a: "x\ty", b: "Grüße 你好 😀" });
  });

  const fill = (text: string, characters = 250_000) => text.repeat(Math.ceil(characters / text.length)).slice(0, characters);
  const many = (write: (i: number) => string, lines = 9000) => Array.from({ length: lines }, (_, i) => write(i)).join("");
  const doubling = `a0: &a0 [x, x]\n${many((i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]\n`, 60)}`;
  const bombs: Readonly<Record<string, string>> = {
    "billion laughs": doubling,
    "merged laughs": `a0: &a0 {x: y}\n${many((i) => `a${i + 1}: &a${i + 1} {k${i}: *a${i}, l${i}: *a${i}, <<: *a${i}}\n`, 60)}`,
    brackets: fill("["),
    braces: fill("{"),
    "braces with keys": fill("{a: "),
    dashes: fill("- "),
    "question marks": fill("? "),
    colons: fill("a: "),
    indentation: many((i) => `${" ".repeat(i)}a:\n`, 600),
    keys: many((i) => `k${i}: v\n`),
    "flow keys": `{${many((i) => `k${i},`, 2400)}}`,
    anchors: many((i) => `- &a${i} x\n`, 800),
    aliases: `- &a x\n${fill("- *a\n", 6000)}`,
    commas: `[${fill(",", 9000)}`,
    quotes: fill('"'),
    escapes: `"${fill("\\n")}"`,
    tags: fill("!a "),
    documents: fill("---\n"),
    comments: fill("a #\n"),
    "blank lines": fill("\n"),
    "block scalar": `a: |\n${fill(" x\n")}`,
    folded: `a: >\n${fill(" x\n\n")}`,
    plain: `a:${fill(" b")}`,
    "too long": fill("a", 300_000),
  };
  for (const [what, text] of Object.entries(bombs)) {
    it(`is done with ${what} within 100 ms`, async () => {
      await bounded(() => {
        try {
          parseComposeYaml(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ComposeError);
        }
      });
    });
  }

  it("throws nothing but ComposeError", () => {
    const piece = fc.constantFrom(
      "a",
      ":",
      " ",
      "\n",
      "  ",
      "- ",
      "[",
      "]",
      "{",
      "}",
      "&a ",
      "*a",
      "<<: ",
      "|\n",
      "'",
      '"',
      "#",
      "!",
      "?",
      ",",
      "\t",
      "\u0000",
      "\u{1f600}",
      "%",
      "---",
      "...",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece, { maxLength: 60 }).map((parts) => parts.join("")),
          fc.string({ unit: "binary" }),
        ),
        (text) => {
          try {
            parseComposeYaml(text);
          } catch (error) {
            expect(error).toBeInstanceOf(ComposeError);
          }
        },
      ),
      { numRuns: 1500 },
    );
  });
});
