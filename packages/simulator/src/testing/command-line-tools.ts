import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether a command is installed. */
export function installed(command: string, versionFlag: string): boolean {
  try {
    execFileSync(command, [versionFlag], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A folder that commands run in. */
export interface WorkFolder {
  /** Runs a command, and returns all that it said. @throws when it fails, with what it said */
  run(command: string, args: readonly string[]): string;
  read(name: string): Buffer;
  write(name: string, contents: string | Uint8Array): void;
}

/** Makes a folder for as long as it is used. */
export async function withFolder<T>(use: (folder: WorkFolder) => T | Promise<T>): Promise<T> {
  const cwd = mkdtempSync(join(tmpdir(), "bauta-simulator-"));
  try {
    return await use({
      run(command, args) {
        try {
          return execFileSync("/bin/sh", ["-c", '"$@" 2>&1', command, command, ...args], { cwd, encoding: "utf8" });
        } catch (error) {
          throw new Error(String((error as { stdout?: unknown }).stdout), { cause: error });
        }
      },
      read: (name) => readFileSync(join(cwd, name)),
      write: (name, contents) => writeFileSync(join(cwd, name), contents),
    });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
