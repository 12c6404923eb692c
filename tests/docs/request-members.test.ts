import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as members from "../../packages/protocol/src/request-members.ts";

it("what is left aside of a request stands in the documentation, each member by its name", () => {
  const page = readFileSync(new URL("../../docs/proxy.md", import.meta.url), "utf8");
  const tables = Object.values(members).filter((value) => typeof value === "object");
  const ignored = new Set(tables.flatMap((table) => table.ignored));
  expect(ignored.size).toBeGreaterThan(10);
  for (const member of ignored) expect(page).toContain(`\`${member}\``);
});
