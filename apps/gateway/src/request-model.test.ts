import fc from "fast-check";
import { WireError } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { readModelMember } from "./request-model.ts";

const read = (text: string) => readModelMember(Buffer.from(text));
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError) return `${error.code}:${error.param}`;
    throw error;
  }
  return "none";
};

describe("the model member", () => {
  it("is found wherever it stands", () => {
    expect(read('{"model":"tee-a"}')).toBe("tee-a");
    expect(read(' {"messages":[{"model":"tee-x","content":"\\"model\\":\\"tee-y\\""}],\n"a":{"model":1}, "model" : "tee-b" } ')).toBe(
      "tee-b",
    );
    expect(read('{"mod\\u0065l":"tee-\\u0061"}')).toBe("tee-a");
  });

  it("keeps its place in a body that begins inside a larger buffer", () => {
    const whole = Buffer.from('xxxx{"model":"tee-a"}xx');
    expect(readModelMember(whole.subarray(4, whole.length - 2))).toBe("tee-a");
  });

  const refused: [string, string][] = [
    ['{"model":"a","model":"b"}', "invalid_field:model"],
    ['{"model":"a","mod\\u0065l":"a"}', "invalid_field:model"],
    ['{"model":"a","model":{}}', "invalid_field:model"],
    ['{"model":null}', "invalid_field:model"],
    ['{"model":["tee-a"]}', "invalid_field:model"],
    [`{"model":"${"a".repeat(600)}"}`, "invalid_field:model"],
    ['{"models":"a"}', "missing_field:model"],
    ['{"__proto__":{"model":"a"}}', "missing_field:model"],
    ["{}", "missing_field:model"],
    ["", "invalid_json:null"],
    ["[]", "invalid_json:null"],
    ['"model"', "invalid_json:null"],
    ['{"model":"a"', "invalid_json:null"],
    ['{"model":"a"}}', "invalid_json:null"],
    ['{"model":"a",}', "invalid_json:null"],
    ['{model:"a"}', "invalid_json:null"],
    ['{"model":"a\nb"}', "invalid_json:null"],
    ['\ufeff{"model":"a"}', "invalid_json:null"],
    [`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)},"model":"a"}`, "invalid_json:null"],
  ];
  it.each(refused)("%.40s → %s", (body, expected) => {
    expect(codeOf(() => read(body))).toBe(expected);
  });

  it("refuses what is not UTF-8", () => {
    expect(codeOf(() => readModelMember(Buffer.from([...Buffer.from('{"model":"a'), 0xff, ...Buffer.from('"}')])))).toBe(
      "invalid_json:null",
    );
  });

  it("accepts what JSON.parse accepts, and nothing else", () => {
    const mutated = fc
      .tuple(
        fc.json({ maxDepth: 4 }),
        fc.nat(),
        fc.constantFrom("", '"', "\\", "{", "]", ",", ":", "-", "0", "e", ".", "\u0001", "u00", "1", "nul", " "),
      )
      .map(([json, at, insert]) => {
        const text = `{"model":"m","x":${json}}`;
        const cut = at % text.length;
        return text.slice(0, cut) + insert + text.slice(cut + (at % 3 === 0 ? 1 : 0));
      });
    fc.assert(
      fc.property(mutated, (text) => {
        let parsed: unknown;
        let valid = true;
        try {
          parsed = JSON.parse(text);
        } catch {
          valid = false;
        }
        const code = codeOf(() => read(text));
        if (!valid || typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
          expect(code).toBe("invalid_json:null");
        } else {
          expect(code).not.toBe("invalid_json:null");
          if (code === "none") expect((parsed as { model?: unknown }).model).toBe(read(text));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
