import { utf8 } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { keyProviderText, parseKeyProvider } from "./key-provider.ts";

const parse = (value: unknown) => parseKeyProvider(utf8(JSON.stringify(value)));

describe("parseKeyProvider", () => {
  it("reads name and id", () => {
    expect(parse({ name: "kms", id: "30AB" })).toEqual({ name: "kms", id: "30ab" });
    expect(parse({ name: "none", id: "" })).toEqual({ name: "none", id: "" });
  });

  it("takes no name that reads as another provider with an id", () => {
    const kms = parse({ name: "kms", id: "30ab" });
    expect(kms && keyProviderText(kms)).toBe("kms:30ab");
    expect(parse({ name: "kms:30ab", id: "" })).toBeUndefined();
  });

  for (const [what, value] of [
    ["a list", []],
    ["no name", { id: "" }],
    ["an empty name", { name: "", id: "" }],
    ["an id that is not hex", { name: "kms", id: "xy" }],
    ["a long name", { name: "n".repeat(65), id: "" }],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(parse(value)).toBeUndefined();
    });
  }
});
