import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Argument, Command, Option } from "commander";
import { describe, expect, it } from "vitest";
import { commandExists } from "../../../tests/support/commands.ts";
import { skipUnless } from "../../../tests/support/vectors.ts";
import { toCompletionScript } from "./completion-scripts.ts";
import { readCompletionTree } from "./completion-tree.ts";

function createProgram(): Command {
  const program = new Command("bauta").version("1.0.0");
  program
    .command("serve")
    .description("serve it; on this machine's own address")
    .option("--port <port>", 'port $(touch /tmp/x) `id` "quoted" to listen on')
    .option("-k, --key-file <file>", "file")
    .addOption(new Option("--level <level>", "log").choices(["info", "trace"]))
    .addOption(new Option("--secret-flag").hideHelp());
  const policy = program.command("policy").description("policies");
  policy.command("pin").description("write one").option("--force", "overwrite");
  policy.command("show").description("show one");
  program.command("completion").addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]));
  return program;
}

const nodes = () => readCompletionTree(createProgram());

describe("readCompletionTree", () => {
  it("has every command with its words, and nothing that help hides", () => {
    const tree = nodes();
    expect(tree.map(({ path }) => path)).toEqual(["", "serve", "policy", "policy pin", "policy show", "completion"]);
    const serve = tree.find(({ path }) => path === "serve");
    expect(serve?.options.map(({ names, value }) => [names, value])).toEqual([
      [["--port"], "text"],
      [["-k", "--key-file"], "file"],
      [["--level"], "words"],
      [["-h", "--help"], "none"],
    ]);
    expect(tree[0]?.commands).toContainEqual({ name: "serve", summary: "serve it" });
  });
});

/** What a shell prints; anything on its standard error is a fault of the script. */
function run(shell: string, args: readonly string[]): string {
  // Shells leave folders of their own in a home.
  const home = mkdtempSync(join(tmpdir(), "bauta-completion-"));
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home };
  const { stdout, stderr, status } = spawnSync(shell, args, { encoding: "utf8", env });
  rmSync(home, { recursive: true, force: true });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  return stdout;
}

const noBash = skipUnless(commandExists("bash"), "bash", "apt-get install bash");
const noZsh = skipUnless(commandExists("zsh"), "zsh", "apt-get install zsh");
const noFish = skipUnless(commandExists("fish"), "fish", "apt-get install fish");

const cases: [string, string[], string[]][] = [
  ["commands", [""], ["completion", "help", "policy", "serve"]],
  ["a command that was begun", ["se"], ["serve"]],
  ["a command's flags", ["serve", "--"], ["--help", "--key-file", "--level", "--port"]],
  ["the values of a flag", ["serve", "--level", ""], ["info", "trace"]],
  ["commands below a command", ["policy", ""], ["help", "pin", "show"]],
  ["flags below it", ["policy", "pin", "--f"], ["--force"]],
  ["an argument's words", ["completion", ""], ["bash", "fish", "zsh"]],
  ["commands after a flag's value", ["serve", "--port", "policy", "--l"], ["--level"]],
];

describe("the script for bash", () => {
  it.skipIf(noBash).each(cases)("completes %s", (_name, words, expected) => {
    const script = `${toCompletionScript("bash", nodes())}
COMP_WORDS=(bauta ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}; _bauta; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = run("bash", ["--norc", "-c", script]);
    expect(output.split("\n").filter(Boolean).toSorted()).toEqual(expected);
  });
});

describe("the script for fish", () => {
  it.skipIf(noFish).each(cases)("completes %s", (_name, words, expected) => {
    const script = `${toCompletionScript("fish", nodes())}\ncomplete -C 'bauta ${words.join(" ")}'`;
    const output = run("fish", ["--no-config", "-c", script]);
    const found = output
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("\t")[0]);
    expect(found.toSorted()).toEqual(expected);
  });
});

describe("the script for zsh", () => {
  // Its own completion needs a terminal; here the choices that it would describe are written out instead.
  it.skipIf(noZsh).each(cases)("completes %s", (_name, words, expected) => {
    const script = `compdef() { :; }; _describe() { print -l -- "\${(@)choices%%:*}"; }; compadd() { shift; print -l -- "$@"; }; _files() { :; }; _message() { :; }
${toCompletionScript("zsh", nodes())}
words=(bauta ${words.map((word) => `'${word}'`).join(" ")}); CURRENT=${words.length + 1}; _bauta`;
    const output = run("zsh", ["-f", "-c", script]);
    const begun = words.at(-1) ?? "";
    const found = output.split("\n").filter((word) => word.startsWith(begun) && (begun !== "--" || word !== "-h"));
    expect(found.filter(Boolean).toSorted()).toEqual(expected);
  });
});
