import { describe, expect, it } from "vitest";
import { splitWord, wrapText } from "./wrap-text.ts";

describe("wrapText", () => {
  it("breaks at spaces and keeps every word", () => {
    expect(wrapText("one two three four", 9)).toEqual(["one two", "three", "four"]);
    expect(wrapText("", 9)).toEqual([""]);
  });

  it("splits a word that is longer than a line", () => {
    expect(wrapText("a 0123456789 b", 4)).toEqual(["a", "0123", "4567", "89 b"]);
  });
});

describe("splitWord", () => {
  it("splits a hash in halves, not at the last column", () => {
    const hash = "ab".repeat(48);
    expect(splitWord(hash, 60)).toEqual([hash.slice(0, 48), hash.slice(48)]);
    expect(splitWord(hash, 96)).toEqual([hash]);
  });

  it("puts the digest of an image on a line of its own", () => {
    const image = `docker.io/library/alpine@sha256:${"0".repeat(64)}`;
    expect(splitWord(image, 80)).toEqual(["docker.io/library/alpine", `@sha256:${"0".repeat(64)}`]);
  });

  it("splits a path at its slashes", () => {
    expect(splitWord("/data/shared/collateral/2025-06-phala.json", 24)).toEqual(["/data/shared/collateral/", "2025-06-phala.json"]);
  });

  it("loses nothing and cuts no character in two", () => {
    expect(splitWord("🔒".repeat(7), 5).join("")).toBe("🔒".repeat(7));
    for (const piece of splitWord("🔒".repeat(7), 3)) expect(piece).not.toMatch(/\p{Cs}/u);
  });
});
