import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { bautaCommand } from "./demo.ts";

export interface CommandOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command to its end, its output in pipes, with only the given settings of ours in its environment. */
export async function bauta(args: readonly string[], options: { input?: string; env?: NodeJS.ProcessEnv } = {}): Promise<CommandOutcome> {
  const { BAUTA_BASE_URL: _url, BAUTA_API_KEY: _key, FORCE_COLOR: _colour, ...env } = process.env;
  const child = spawn(process.execPath, [bautaCommand, ...args], {
    env: { ...env, XDG_CONFIG_HOME: "/nonexistent", ...options.env },
    timeout: 30_000,
  });
  child.stdin.end(options.input ?? "");
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}
