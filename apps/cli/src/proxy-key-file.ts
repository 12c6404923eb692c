import { stat } from "node:fs/promises";
import { CommandError, EXIT } from "./exit.ts";
import { readInputFile } from "./input-file.ts";

const MAX_KEY_FILE_BYTES = 16 * 1024;

/**
 * Reads a key from a file, which is all that it holds but a line end.
 * @param warn told when others on this machine can read the file
 * @throws {CommandError} naming the file, never its contents; status 2
 */
export async function readKeyFile(path: string, warn: (problem: string) => void): Promise<string> {
  const key = (await readInputFile(path, MAX_KEY_FILE_BYTES)).toString("latin1").trim();
  if (!/^[\x21-\x7e]{1,4096}$/.test(key)) {
    throw new CommandError(`${path}: holds no key, which is one line of printable characters without spaces`, EXIT.usage);
  }
  const { mode } = await stat(path);
  if (process.platform !== "win32" && (mode & 0o077) !== 0) warn(`${path}: others on this machine can read it; chmod 600 keeps it yours`);
  return key;
}
