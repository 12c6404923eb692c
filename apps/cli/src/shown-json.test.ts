import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const folder = fileURLToPath(new URL("./", import.meta.url));

it("no command shows JSON that could act on a terminal: what is printed is made by printableJson", () => {
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => /(?<!\.test)\.ts$/.test(path));
  expect(sources.length).toBeGreaterThan(50);
  const shown = sources.filter((path) => /(?:write|line)\([^;]*JSON\.stringify/.test(readFileSync(folder + path, "utf8")));
  expect(shown).toEqual([]);
});
