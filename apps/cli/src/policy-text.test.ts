import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Build, builtInPolicy, parsePolicy, type Policy } from "@bauta/attestation";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPolicyFile } from "./policy-file.ts";
import { renderPolicy, renderWithBuild } from "./policy-text.ts";

const venice = builtInPolicy("venice") as Policy;
const [first] = venice.builds as readonly [Build];
// Values that YAML would take for numbers if they were not quoted.
const added: Build = { ...first, name: "second", mrtd: "1".repeat(96), rtmr0: `1e${"2".repeat(94)}`, date: "2026-05-01" };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bauta-policy-text-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function readBack(name: string, text: string): Promise<Policy> {
  await writeFile(join(folder, name), text);
  return (await readPolicyFile(join(folder, name))).policy;
}

describe("renderPolicy", () => {
  it.each(["yaml", "json"] as const)("writes %s that reads back as the same", async (format) => {
    const policy = parsePolicy({ ...venice, builds: [first, added] });
    expect(await readBack(`p.${format}`, renderPolicy(policy, format, ["a comment"]))).toEqual(policy);
  });

  it("leads YAML with its comment, and keeps each value on one line", () => {
    const lines = renderPolicy(venice, "yaml", ["one", "two"]).split("\n");
    expect(lines.slice(0, 3)).toEqual(["# one", "# two", "version: 1"]);
    expect(lines.find((line) => line.includes(first.mrtd))).toMatch(/^ {4}mrtd: [0-9a-f]{96}$/);
  });
});

describe("renderWithBuild", () => {
  const edit = async (name: string, text: string): Promise<{ text: string; policy: Policy }> => {
    await writeFile(join(folder, name), text);
    const edited = renderWithBuild(await readPolicyFile(join(folder, name)), added);
    return { text: edited, policy: await readBack(`edited-${name}`, edited) };
  };

  it("keeps what its author wrote in YAML, comments and all", async () => {
    const before = `# ours, reviewed by two\nversion: 1 # of the format\n\nbuilds:\n  # the one of April\n${renderPolicy(
      { ...venice, provider: "x" },
      "yaml",
      [],
    )
      .split("builds:\n")[1]!
      .replace("UpToDate", "UpToDate # nothing else")}`;
    const { text, policy } = await edit("p.yaml", before);
    const lines = text.split("\n");
    for (const line of before.trimEnd().split("\n")) expect(lines).toContain(line);
    expect(policy.builds.map(({ name }) => name)).toEqual([first.name, "second"]);
    expect(policy.builds[1]).toEqual(added);
    expect({ ...policy, builds: [] }).toEqual({ ...parsePolicy(venice), provider: undefined, builds: [] });
  });

  it.each([
    ["no builds", "version: 1\n# the end\n"],
    ["an empty list of builds", "version: 1\nbuilds: [] # none yet\n# the end\n"],
    ["builds in one line", `version: 1\nbuilds: [${JSON.stringify(first)}]\n# the end\n`],
  ])("adds to a file with %s", async (_, before) => {
    const { text, policy } = await edit("q.yaml", before);
    expect(text).toContain("# the end");
    expect(policy.builds.at(-1)).toEqual(added);
  });

  it("adds to JSON, and writes nothing that its author left out", async () => {
    const { text, policy } = await edit("p.json", '{"version":1,"require":["key.exclusive"]}');
    expect(Object.keys(JSON.parse(text) as object)).toEqual(["version", "require", "builds"]);
    expect(policy.builds).toEqual([added]);
    expect(await readFile(join(folder, "edited-p.json"), "utf8")).toMatch(/\n$/);
  });
});
