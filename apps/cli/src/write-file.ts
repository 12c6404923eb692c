import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, link, open, realpath, rename, rm, stat } from "node:fs/promises";
import { CommandError, EXIT } from "./exit.ts";

/**
 * Writes a whole file or nothing: whoever reads it meanwhile finds the old one or the new one.
 * @param options.overwrite replace what is there; else a file that exists is an error
 * @throws {CommandError} naming the file; status 2
 */
export async function writeWholeFile(path: string, text: string, options: { readonly overwrite: boolean }): Promise<void> {
  // A link stays one: what it points to is replaced.
  const target = options.overwrite ? await realpath(path).catch(() => path) : path;
  const mode = options.overwrite
    ? await stat(target).then(
        (known) => known.mode & 0o777,
        () => 0o644,
      )
    : 0o644;
  const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await (options.overwrite ? rename(temporary, target) : moveToNew(temporary, target));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === "EEXIST"
        ? "exists already; --force overwrites it"
        : code === "ENOENT"
          ? "its folder does not exist"
          : `cannot be written (${code ?? "?"})`;
    throw new CommandError(`${path}: ${why}`, EXIT.usage, error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Unlike rename, a link never replaces a file that somebody else has written meanwhile. */
async function moveToNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") throw error;
    // A file system without links.
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
}
