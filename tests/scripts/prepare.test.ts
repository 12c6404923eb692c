import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";

const scripts = fileURLToPath(new URL("../../scripts/", import.meta.url));

interface Clone {
  readonly folder: string;
  start(): Start;
}

interface Start {
  readonly process: ChildProcess;
  /** What it wrote, once it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly text: string }>;
  /** Resolves once it has written this. */
  writes(text: string): Promise<void>;
}

/** A clone whose npm is a script of the test's, and whose compiler does nothing. */
function createClone(npm: string): Clone {
  const folder = mkdtempSync(join(tmpdir(), "bauta-prepare-"));
  const started: ChildProcess[] = [];
  onTestFinished(() => {
    for (const process of started) process.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  cpSync(scripts, join(folder, "scripts"), { recursive: true });
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin/npm"), `#!/bin/sh\ncd "${folder}"\n${npm}\n`);
  chmodSync(join(folder, "bin/npm"), 0o755);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ engines: { node: ">=20.19" } }));
  writeFileSync(join(folder, "package-lock.json"), "{}");
  writeFileSync(join(folder, "go.mjs"), 'import { prepare } from "./scripts/prepare.mjs"; await prepare(); console.error("prepared");');
  return {
    folder,
    start() {
      const env = { ...process.env, PATH: `${join(folder, "bin")}:${process.env["PATH"]}` };
      const child = spawn(process.execPath, ["go.mjs"], { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] });
      started.push(child);
      let text = "";
      const waiting: { readonly text: string; readonly resolve: () => void }[] = [];
      const look = () => {
        for (const { text: wanted, resolve } of waiting) if (text.includes(wanted)) resolve();
      };
      child.stderr.on("data", (piece: Buffer) => {
        text += piece.toString();
        look();
      });
      return {
        process: child,
        ended: once(child, "close").then(() => ({ code: child.exitCode, text })),
        writes: (wanted) =>
          new Promise((resolve) => {
            waiting.push({ text: wanted, resolve });
            look();
          }),
      };
    },
  };
}

const INSTALLS = `
mkdir -p node_modules/typescript/bin
echo "process.exit(0)" > node_modules/typescript/bin/tsc
echo "{}" > node_modules/.package-lock.json
echo x >> installs
`;
/** An install that a program of its own holds up. */
const HANGS = `mkdir -p node_modules/half-made\nsleep 1000 &\necho $! > sleeper\necho hanging >&2\nwait`;

/** Ended processes whose parent is gone may wait to be reaped for as long as they like. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(existsSync("/proc/self") ? readFileSync(`/proc/${pid}/stat`, "utf8") : "");
  } catch {
    return false;
  }
}

describe.skipIf(process.platform === "win32")("what a first start installs", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("ends with all that it runs at %s, and the next start begins anew", async (signal, code) => {
    const clone = createClone(`if [ -e second ]; then ${INSTALLS.trim().replaceAll("\n", "; ")}; exit; fi\n${HANGS}`);
    const first = clone.start();
    await first.writes("hanging");
    first.process.kill(signal);
    expect((await first.ended).code).toBe(code);
    expect(isRunning(Number(readFileSync(join(clone.folder, "sleeper"), "utf8")))).toBe(false);
    expect(existsSync(join(clone.folder, ".cache/prepare.lock"))).toBe(false);
    writeFileSync(join(clone.folder, "second"), "");
    const second = await clone.start().ended;
    expect([second.code, second.text]).toEqual([0, expect.stringContaining("prepared")]);
    expect(existsSync(join(clone.folder, "node_modules/half-made"))).toBe(false);
  });

  it("is waited for by another start, which then has nothing to do", async () => {
    const clone = createClone(`echo hanging >&2\nwhile ! [ -e go ]; do sleep 0.05; done${INSTALLS}`);
    const first = clone.start();
    await first.writes("hanging");
    const second = clone.start();
    await second.writes(`Process ${first.process.pid} is installing`);
    writeFileSync(join(clone.folder, "go"), "");
    const both = await Promise.all([first.ended, second.ended]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(readFileSync(join(clone.folder, "installs"), "utf8")).toBe("x\n");
  });

  it("is taken over from a start that was killed", async () => {
    const clone = createClone(`if [ -e second ]; then ${INSTALLS.trim().replaceAll("\n", "; ")}; exit; fi\n${HANGS}`);
    const first = clone.start();
    await first.writes("hanging");
    first.process.kill("SIGKILL");
    process.kill(Number(readFileSync(join(clone.folder, "sleeper"), "utf8")));
    await first.ended;
    writeFileSync(join(clone.folder, "second"), "");
    expect((await clone.start().ended).code).toBe(0);
  });

  it("is told when it fails", async () => {
    const clone = createClone("echo no network >&2\nexit 7");
    const { code, text } = await clone.start().ended;
    expect([code, text]).toEqual([7, expect.stringContaining("no network")]);
  });
});
