import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

/** Says what it finds of itself each time it is asked. */
const PROGRAM = `
import { currentProcess, findDebugSurfaces, refuseDebuggerSignal } from "./debug-surfaces.js";
if (process.argv[2] === "refuse") refuseDebuggerSignal();
process.stdin.on("data", () => {
  const view = currentProcess();
  console.log(JSON.stringify({ inspector: view.inspectorUrl !== undefined, surfaces: findDebugSurfaces(view) }));
});
console.log("ready");
`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "bauta-debugger-"));
  // A process of its own runs JavaScript; these two files need nothing else.
  const sources = ["debug-surfaces.ts", "setup-error.ts"].map((name) => fileURLToPath(new URL(name, import.meta.url)));
  const compiler = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));
  const options = ["--ignoreConfig", "--noCheck", "--noResolve", "--rewriteRelativeImportExtensions"];
  const target = ["--module", "nodenext", "--target", "es2023", "--outDir", folder];
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  execFileSync(process.execPath, [compiler, ...options, ...target, ...sources]);
  writeFileSync(join(folder, "program.js"), PROGRAM);
  writeFileSync(join(folder, "other.cjs"), "");
  writeFileSync(join(folder, "other.mjs"), "");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Answer {
  readonly inspector: boolean;
  readonly surfaces: readonly string[];
}

async function start(
  nodeArguments: readonly string[],
  args: readonly string[],
): Promise<{ readonly child: ChildProcess; readonly errors: Interface; ask(): Promise<Answer> }> {
  const child = spawn(process.execPath, [...nodeArguments, "program.js", ...args], { cwd: folder, env: {}, stdio: "pipe" });
  onTestFinished(() => void child.kill("SIGKILL"));
  const errors = createInterface({ input: child.stderr });
  const lines = createInterface({ input: child.stdout });
  await once(lines, "line");
  return {
    child,
    errors,
    async ask() {
      const answer = once(lines, "line");
      child.stdin.write("?");
      return JSON.parse(((await answer) as [string])[0]) as Answer;
    },
  };
}

describe("a process of its own", () => {
  // Any free port, where Node opens its debugger.
  const port = ["--inspect-port=0"];

  it("opens a debugger at SIGUSR1, if nobody refuses", async () => {
    const { child, errors, ask } = await start(port, []);
    const said = once(errors, "line");
    child.kill("SIGUSR1");
    expect((await said)[0]).toContain("Debugger listening");
    expect(await ask()).toEqual({ inspector: true, surfaces: ["--inspect-port"] });
  });

  it("opens none once the signal is refused, however often it comes", async () => {
    const { child, errors, ask } = await start(port, ["refuse"]);
    for (let i = 0; i < 3; i++) {
      const said = once(errors, "line");
      child.kill("SIGUSR1");
      expect((await said)[0]).toContain("SIGUSR1 ignored");
      expect((await ask()).inspector).toBe(false);
    }
  });

  it.each([
    [["--import", "./other.mjs"], "--import"],
    [["--import=./other.mjs"], "--import"],
    [["-r", "./other.cjs"], "-r"],
    [["--require=./other.cjs"], "--require"],
    [["--loader", "./other.mjs"], "--loader"],
    [["--experimental-loader=./other.mjs"], "--experimental-loader"],
    [["--conditions=other"], "--conditions"],
  ])("finds %j among its own arguments", async (nodeArguments, found) => {
    const { ask } = await start(nodeArguments, []);
    expect((await ask()).surfaces).toEqual([found]);
  });

  it("finds nothing where there is nothing, or what is harmless", async () => {
    const { ask } = await start(["--max-old-space-size=200", "--enable-source-maps", "--no-warnings"], ["--import", "x"]);
    expect(await ask()).toEqual({ inspector: false, surfaces: [] });
  });
});
