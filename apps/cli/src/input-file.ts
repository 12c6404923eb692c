import { open } from "node:fs/promises";
import { CommandError, EXIT } from "./exit.ts";

/**
 * Reads a file that a person named, never more of it than is of use: also a device without an end.
 * @throws {CommandError} that cannot be read, or is empty, or too long; status 2
 */
export async function readInputFile(path: string, maxBytes: number): Promise<Buffer> {
  const bytes = await readUpTo(path, maxBytes + 1);
  if (bytes.length === 0) throw new CommandError(`${path}: is empty`, EXIT.usage);
  if (bytes.length > maxBytes) throw new CommandError(`${path}: larger than ${maxBytes} bytes`, EXIT.usage);
  return bytes;
}

async function readUpTo(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      const pieces: Buffer[] = [];
      for (let left = maxBytes; left > 0;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(left, 64 * 1024)), 0);
        if (bytesRead === 0) break;
        pieces.push(buffer.subarray(0, bytesRead));
        left -= bytesRead;
      }
      return Buffer.concat(pieces);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "no such file" : code === "EISDIR" ? "is a directory, not a file" : "cannot be read";
    throw new CommandError(`${path}: ${why}`, EXIT.usage, error);
  }
}
