import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtInPolicy } from "@bauta/attestation";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CommandError, EXIT } from "./exit.ts";
import { formatOf, readPolicyFile, resolvePolicy } from "./policy-file.ts";

/** Hex that YAML's rules for numbers would take for one: digits alone, and digits with one e. */
const DIGITS = "1".repeat(96);
const EXPONENT = `${"1".repeat(40)}e${"2".repeat(55)}`;

const YAML = `# whom we trust
version: 1
builds:
  # the first one
  - name: a
    source: test
    date: 2026-01-31
    mrtd: ${DIGITS}
    rtmr0: ${EXPONENT}
    rtmr1: 0x${"0".repeat(94)}
    rtmr2: ${"ab".repeat(48)}
    compose_hash: "${"2".repeat(64)}"
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bauta-policy-file-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

async function refusal(path: string): Promise<string> {
  const error: unknown = await readPolicyFile(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CommandError);
  expect((error as CommandError).exitCode).toBe(EXIT.usage);
  return (error as CommandError).message;
}

describe("readPolicyFile", () => {
  it("reads YAML and JSON as the same, and hex always as hex", async () => {
    const yaml = await readPolicyFile(await write("a.yaml", YAML.replace("0x00", "0000")));
    const [build] = yaml.policy.builds;
    expect(build).toMatchObject({ date: "2026-01-31", mrtd: DIGITS, rtmr0: EXPONENT, rtmr1: "0".repeat(96), compose_hash: "2".repeat(64) });
    const json = await readPolicyFile(await write("a.json", JSON.stringify(yaml.policy, null, "\t")));
    expect(json.policy).toEqual(yaml.policy);
    expect([yaml.format, json.format]).toEqual(["yaml", "json"]);
  });

  it("reads what Windows' editors write: a byte order mark and CR LF", async () => {
    const { policy } = await readPolicyFile(await write("w.yaml", "\ufeffversion: 1 # one\r\nrequire:\r\n  - keys.signed\r\n"));
    expect(policy.require).toEqual(["keys.signed"]);
  });

  it("takes what is not called .json for YAML, which JSON is too", async () => {
    expect(["p.json", "P.JSON", "p.yml", "p", "json"].map(formatOf)).toEqual(["json", "json", "yaml", "yaml", "yaml"]);
    expect((await readPolicyFile(await write("no-ending", '{ "version": 1 }'))).policy.version).toBe(1);
  });

  const broken: [string, string | Uint8Array, RegExp][] = [
    ["a misspelt member", "version: 1\n\nbiulds: []\n", /:3: biulds: is not a known member; did you mean builds\?$/],
    ["a value within a build", YAML, /:10: builds\[0\]\.rtmr1: holds a character/],
    ["a missing value of a build", YAML.replace(/ +rtmr1.*\n/, ""), /:5: builds\[0\]\.rtmr1: is missing$/],
    ["the wrong type", "version: 1\nallow:\n  debug: yes\n", /:3: allow\.debug: must be true or false$/],
    [
      "a number that is none of ours",
      "version: 1\ntcb: { min_evaluation_number: 1.5 }\n",
      /:2: tcb\.min_evaluation_number: must be a whole number/,
    ],
    ["a text", "just words", /:1: \(whole\): must be an object$/],
    ["comments alone", "# nothing\n", /\(whole\): must be an object$/],
    ["a repeated member", "version: 1\nbuilds: []\nbuilds: []\n", /:3: Map keys must be unique/],
    ["an alias", "version: 1\nprovider: &a x\nbuilds: [*a]\n", /:3: aliases .* are not read in a policy/],
    ["a tag", "version: 1\nprovider: !!js/function x\n", /:2: Unresolved tag/],
    ["two documents", "version: 1\n---\nversion: 1\n", /:2: Source contains multiple documents/],
    ["a line that is no YAML", "version: 1\n  builds: [\n", /:\d: /],
    [
      "a rule behind a lone CR",
      "version: 1\n# strict\rrequire: [keys.signed]\n",
      /:2: holds a line break that not every reader takes for one/,
    ],
    ["a rule behind a line separator", "version: 1 # a\u2028require: [keys.signed]\n", /:1: holds a line break/],
    ["bytes that are no text", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0xff), /not text in UTF-8$/],
    ["nothing", "", /: is empty$/],
    ["levels without end", `{"a":${"[".repeat(20_000)}`, /:\d+: /],
    ["more than any policy holds", "#".repeat(1024 * 1024 + 1), /larger than 1048576 bytes$/],
  ];
  it.each(broken)("says what is wrong with %s, and where", async (name, text, words) => {
    const path = await write("broken.yaml", text);
    const message = await refusal(path);
    expect(message.startsWith(path), name).toBe(true);
    expect(message).toMatch(words);
    expect(message.length).toBeLessThan(path.length + 600);
  });

  it.each([
    ["what is YAML only", "version: 1", /not JSON: /],
    ["a repeated member", '{"version": 1,\n"builds": [], "builds": []}', /:2: Map keys must be unique/],
    ["a wrong field", '{\n"version": 2}', /:2: version: must be 1$/],
  ])("holds JSON to JSON's rules: %s", async (_, text, words) => {
    expect(await refusal(await write("broken.json", text))).toMatch(words);
  });

  it("names a folder as one", async () => {
    await mkdir(join(folder, "sub"));
    expect(await refusal(join(folder, "sub"))).toContain("directory");
  });
});

describe("resolvePolicy", () => {
  it("finds built-in policies by name, and files by theirs", async () => {
    expect(await resolvePolicy("venice")).toEqual(builtInPolicy("venice"));
    expect(await resolvePolicy(await write("v1.yaml", "version: 1"))).toMatchObject({ version: 1, builds: [] });
  });

  it("says which built-in ones there are only where a name could have been meant", async () => {
    await expect(resolvePolicy("venise")).rejects.toThrow("venise: no such file, nor a built-in policy of that name (there is: venice)");
    await expect(resolvePolicy("/nonexistent.json")).rejects.toThrow(/^\/nonexistent\.json: no such file$/);
  });
});
