import { CollateralError } from "@bauta/attestation";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { readBounded } from "./input-folder.ts";

const VERSION = 1;
/** What a crash leaves behind is cleared away when it is this old; no writer takes as long. */
const LEFTOVER_MS = 60 * 60_000;

export interface EntryDirectoryOptions<T> {
  /** Of one entry's file. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** An entry's members out of its file; undefined when they are not all there. */
  readonly read: (members: Readonly<Record<string, unknown>>) => T | undefined;
  /** Told of a damaged file with its path: it is passed over. */
  readonly onWarning: (warning: string) => void;
}

/** Entries by key, a file for each. */
export interface EntryDirectory<T extends object> {
  /** @returns undefined when there is none, also when what is there cannot be read */
  get(key: string): Promise<T | undefined>;
  put(key: string, entry: T): Promise<void>;
}

/**
 * Keeps entries in a folder, for this process and others at once, also when one of them is killed half-way. There is no
 * lock: an entry is written beside its place and renamed into it. Those used longest ago make room for new ones.
 */
export function createEntryDirectory<T extends object>(folder: string, options: EntryDirectoryOptions<T>): EntryDirectory<T> {
  const { maxBytes, maxEntries, read, onWarning } = options;
  return {
    async get(key) {
      const file = join(folder, entryName(key));
      try {
        const bytes = await readBounded(file, maxBytes);
        if (!bytes) throw new CollateralError("collateral_unreadable", file, `is not a file of at most ${maxBytes} bytes`);
        const { version, key: keyThere, ...members } = parseJsonObject(bytes, file);
        const entry = version === VERSION && keyThere === key ? read(members) : undefined;
        if (!entry) throw damaged(file);
        // By this the entries used last are told from those to clear away.
        await utimes(file, new Date(), new Date()).catch(() => {});
        return entry;
      } catch (error) {
        if (!(error instanceof CollateralError)) throw error;
        if (!isAbsent(error.cause)) onWarning(`${file} is passed over: ${error.problem}`);
        return undefined;
      }
    },
    async put(key, entry) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeWhole(join(folder, entryName(key)), JSON.stringify({ version: VERSION, key, ...entry }));
      await clear(folder, maxEntries);
    },
  };
}

/** Where an entry lies: readable, and told apart by a hash where names are cut or differ only in what is left out. */
function entryName(key: string): string {
  const hash = createHash("sha256").update(key).digest("hex").slice(0, 16);
  return `${key.replaceAll(/[^A-Za-z0-9-]+/g, "-").slice(-80)}-${hash}.json`;
}

function parseJsonObject(bytes: Uint8Array, file: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return (value ?? {}) as Record<string, unknown>;
  } catch (cause) {
    throw damaged(file, cause);
  }
}

function damaged(file: string, cause?: unknown): CollateralError {
  return new CollateralError("collateral_malformed", file, "it is damaged, or of another version", { cause });
}

/** Readers see the old file or the new one, never half of one. */
async function writeWhole(file: string, text: string): Promise<void> {
  const beside = `${file}.${process.pid}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(beside, "wx", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

async function clear(folder: string, maxEntries: number): Promise<void> {
  const names = await listFiles(folder);
  const leftovers: string[] = [];
  for (const name of names.filter((name) => name.endsWith(".tmp"))) {
    if ((await ageMs(join(folder, name))) > LEFTOVER_MS) leftovers.push(name);
  }
  const entries = names.filter((name) => name.endsWith(".json"));
  // Most of the time there is room, and nobody needs to know which is the oldest.
  const aged =
    entries.length <= maxEntries ? [] : await Promise.all(entries.map(async (name) => ({ name, ageMs: await ageMs(join(folder, name)) })));
  const surplus = aged.sort((a, b) => a.ageMs - b.ageMs).slice(maxEntries);
  await Promise.all([...leftovers, ...surplus.map(({ name }) => name)].map((name) => rm(join(folder, name), { force: true })));
}

/** @returns nothing for a folder that is not there */
export async function listFiles(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** @returns 0 for what is gone already, or has a date in the future */
export async function ageMs(file: string): Promise<number> {
  try {
    return Math.max(0, Date.now() - (await stat(file)).mtimeMs);
  } catch (error) {
    if (isAbsent(error)) return 0;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
