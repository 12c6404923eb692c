import { CollateralError, type CollateralFile } from "@bauta/attestation";
import { constants } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** One file: an attestation answer with eight GPUs' evidence and collateral is the largest kind. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;

/**
 * Reads a file, or all files that lie in a folder (not in folders within it). What is no plain file there, hidden, or too
 * large to be of use is passed over.
 * @throws CollateralError naming what cannot be read
 */
export async function readFiles(path: string): Promise<readonly CollateralFile[]> {
  const isFolder = await statAs(path, () => stat(path).then((found) => found.isDirectory()));
  if (!isFolder) {
    const bytes = await readBounded(path);
    if (!bytes) throw new CollateralError("collateral_unreadable", path, `is not a file of at most ${MAX_FILE_BYTES} bytes`);
    return [{ name: path, bytes }];
  }
  const names = await statAs(path, () => readdir(path));
  const files: CollateralFile[] = [];
  let total = 0;
  for (const name of names.sort()) {
    if (name.startsWith(".") || name.endsWith(".tmp")) continue;
    const file = join(path, name);
    const bytes = await readBounded(file);
    if (!bytes) continue;
    total += bytes.length;
    if (total > MAX_TOTAL_BYTES)
      throw new CollateralError("collateral_unreadable", path, `holds more than ${MAX_TOTAL_BYTES} bytes of files`);
    files.push({ name: file, bytes });
  }
  return files;
}

/** @returns undefined for what is no plain file, or too large to be of use */
export async function readBounded(path: string, maxBytes = MAX_FILE_BYTES): Promise<Uint8Array | undefined> {
  return statAs(path, async () => {
    // Opening a pipe must not wait for somebody to write into it.
    const handle: FileHandle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await handle.stat();
      if (!found.isFile() || found.size > maxBytes) return undefined;
      // A file may grow while it is read.
      const buffer = new Uint8Array(found.size);
      const { bytesRead } = await handle.read(buffer, 0, found.size, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  });
}

async function statAs<T>(path: string, access: () => Promise<T>): Promise<T> {
  try {
    return await access();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const problem = code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? "unknown"})`;
    throw new CollateralError("collateral_unreadable", path, problem, { cause });
  }
}
