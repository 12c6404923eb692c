import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** What `bauta demo --json` prints when it is ready. */
export interface DemoLine {
  readonly gateway: string;
  readonly apiKey: string;
  readonly models: readonly [string, string];
  readonly trustRoot: string;
  readonly policy: string;
}

export interface RunningDemo extends DemoLine {
  /** The demo's policy without `protocol: 2`: messages are sealed, and what a `tee-*` model is sent is not. */
  readonly firstVersionPolicy: string;
  readonly process: ChildProcess;
  /** All that it wrote to its standard error. */
  readonly log: () => string;
  stop(): Promise<number | null>;
}

/** The built command; `npm test` builds it first. */
export const bautaCommand = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url));

/** Starts `bauta demo` as its user would, and waits for its line. */
export async function startDemoProcess(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<RunningDemo> {
  const child = spawn(process.execPath, [bautaCommand, "demo", "--gateway-port", "0", "--no-open", "--json", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, XDG_CONFIG_HOME: "/nonexistent", ...env },
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    once(lines, "line").then(([line]) => line as string),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`bauta demo ended with ${String(code)}: ${log}`))),
  ]);
  const ready = JSON.parse(first) as DemoLine;
  const firstVersionPolicy = join(dirname(ready.policy), "first-version-policy.json");
  const { protocol: _version, ...policy } = JSON.parse(await readFile(ready.policy, "utf8")) as Record<string, unknown>;
  await writeFile(firstVersionPolicy, JSON.stringify(policy));
  return {
    ...ready,
    firstVersionPolicy,
    process: child,
    log: () => log,
    async stop() {
      if (child.exitCode !== null) return child.exitCode;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}
