import { describe, expect, it } from "vitest";
import { findText } from "./record.ts";

const TEXT = 'secret "words" – è vero? 🛶';

describe("finding a text in recorded bytes", () => {
  it.each([
    ["plain", TEXT],
    ["plain", TEXT.toLocaleUpperCase("en").replace("È VERO", "è vero")],
    ["JSON-escaped", JSON.stringify({ content: TEXT })],
    ["JSON-escaped in ASCII", String.raw`{"content":"secret \"words\" \u2013 \u00E8 vero? \ud83d\udef6"}`],
    ["hex", Buffer.from(TEXT).toString("hex").toUpperCase()],
    ["URL-encoded", `?q=${encodeURIComponent(TEXT)}&x=1`],
  ])("%s", (form, recorded) => {
    expect(findText(Buffer.from(`before ${recorded} behind`), TEXT)).toBe(form);
  });

  it.each([0, 1, 2, 3, 4, 5])("base64, %d bytes into another text", (offset) => {
    const recorded = Buffer.from("x".repeat(offset) + TEXT + "yz").toString("base64");
    expect(findText(Buffer.from(recorded), TEXT)).toMatch(/^base64/);
  });

  it("finds nothing where there is nothing", () => {
    expect(findText(Buffer.from(TEXT.replace("words", "wordz")), TEXT)).toBeUndefined();
    expect(findText(Buffer.alloc(0), TEXT)).toBeUndefined();
  });
});
