import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { bautaCommand, type RunningDemo } from "../support/demo.ts";

/** As much of a logged request as these tests look at. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly model: string | null;
  readonly protection: string | null;
  readonly outcome: string | null;
  readonly simulated: boolean;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  readonly code: string | null;
}

export interface RunningProxy {
  /** What programs use as OpenAI's base URL. */
  readonly baseUrl: string;
  /** Without `/v1`. */
  readonly origin: string;
  readonly process: ChildProcess;
  /** All that it wrote, to both outputs. */
  readonly output: () => string;
  /** The next request that it logs. */
  nextLine(): Promise<LoggedRequest>;
  /** @returns its exit status */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `bauta proxy --json` on a free port, and waits until it listens. */
export async function startProxy(args: readonly string[], env: NodeJS.ProcessEnv): Promise<RunningProxy> {
  const child = spawn(process.execPath, [bautaCommand, "proxy", "--port", "0", "--json", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  const lines = createInterface({ input: child.stdout });
  const waiting: string[] = [];
  let arrived: () => void = () => {};
  lines.on("line", (line) => {
    output += `${line}\n`;
    waiting.push(line);
    arrived();
  });
  const next = async () => {
    while (waiting.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
    return JSON.parse(waiting.shift() as string) as unknown;
  };
  const first = await Promise.race([
    next(),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`bauta proxy ended with ${String(code)}: ${output}`))),
  ]);
  const { proxy } = first as { proxy: string };
  return {
    baseUrl: proxy,
    origin: new URL(proxy).origin,
    process: child,
    output: () => output,
    nextLine: async () => (await next()) as LoggedRequest,
    async stop(signal = "SIGTERM") {
      if (child.exitCode !== null) return child.exitCode;
      const ended = once(child, "exit");
      child.kill(signal);
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}

/** What a proxy of a demo is started with. Caches and configuration are looked for below `folder`; nothing of it comes from this machine's own settings. */
export function proxySettings(demo: RunningDemo, folder: string): { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv } {
  return {
    args: ["--trust-root", demo.trustRoot, "--policy", demo.firstVersionPolicy],
    env: {
      BAUTA_BASE_URL: demo.gateway,
      BAUTA_API_KEY: demo.apiKey,
      XDG_CONFIG_HOME: join(folder, "config"),
      XDG_CACHE_HOME: join(folder, "cache"),
    },
  };
}
