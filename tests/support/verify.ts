import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bauta, type CommandOutcome } from "./bauta.ts";

/** As much of a printed result as these tests look at. */
export interface PrintedResult {
  readonly ok: boolean;
  readonly scope: string;
  readonly simulated: boolean;
  readonly pinned: boolean;
  readonly debug: boolean;
  readonly checks: readonly { readonly id: string; readonly status: string; readonly required: boolean; readonly reason: string }[];
  readonly claims: Readonly<Record<string, unknown>>;
  readonly stated: object;
  readonly couldRead: readonly string[];
  readonly signingKey?: string;
}

/** A folder of one test file, and the command with a cache in it. */
export interface VerifyFolder {
  readonly folder: string;
  save(name: string, contents: string | Uint8Array): string;
  bauta(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<CommandOutcome>;
  remove(): void;
}

export function createVerifyFolder(): VerifyFolder {
  const folder = mkdtempSync(join(tmpdir(), "bauta-verify-"));
  return {
    folder,
    save(name, contents) {
      const path = join(folder, name);
      writeFileSync(path, contents);
      return path;
    },
    bauta: (args, env = {}) => bauta(args, { env: { XDG_CACHE_HOME: join(folder, "cache"), ...env } }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function printed({ stdout }: CommandOutcome): PrintedResult {
  return JSON.parse(stdout) as PrintedResult;
}

export function failures(result: PrintedResult): string[] {
  return result.checks.filter(({ status }) => status === "fail").map(({ id }) => id);
}
