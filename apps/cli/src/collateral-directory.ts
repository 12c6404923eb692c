import {
  CollateralError,
  type CollateralStore,
  isRollbackNumber,
  parseCollateral,
  type RollbackNumbers,
  type RollbackStore,
  type StoredCollateral,
} from "@bauta/attestation";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { readBounded } from "./collateral-files.ts";

const VERSION = 1;
const MAX_SET_BYTES = 4 * 1024 * 1024;
const MAX_SETS = 64;
/** What a crash leaves behind is cleared away when it is this old; no writer takes as long. */
const LEFTOVER_MS = 60 * 60_000;
/** A lower number is cleared away only when the higher one is this old, so that no reader under way misses both. */
const SUPERSEDED_MS = 60_000;
const MAX_NAME_CHARACTERS = 200;

export interface CollateralDirectoryOptions {
  /** Told what is passed over: a damaged file with its path, a number that cannot be kept. */
  readonly onWarning?: (warning: string) => void;
  /** Names the trust root whose numbers are remembered: `intel`, or a simulator's. 1–64 of a–z, 0–9 and `-`. */
  readonly scope?: string;
}

/**
 * Keeps collateral and the highest numbers seen in a folder, for this process and others at once, also when one of
 * them is killed half-way. There is no lock. A set is written beside its place and renamed into it. A number is a file
 * of that name: numbers are only ever added, and only those below a higher one are removed, so none is ever lowered.
 */
export function createCollateralDirectory(path: string, options: CollateralDirectoryOptions = {}): CollateralStore & RollbackStore {
  const { onWarning = () => {}, scope = "intel" } = options;
  if (!/^[a-z0-9-]{1,64}$/.test(scope)) throw new RangeError("collateral directory: a scope is 1–64 of a–z, 0–9 and -");
  const sets = join(path, "sets");
  const numbers = join(path, "numbers", scope);

  return {
    async get(key) {
      const file = join(sets, setName(key));
      try {
        const bytes = await readBounded(file, MAX_SET_BYTES);
        if (!bytes) throw new CollateralError("collateral_unreadable", file, `is not a file of at most ${MAX_SET_BYTES} bytes`);
        const value = parseEntry(bytes, key, file);
        // By this the entries used last are told from those to clear away.
        await utimes(file, new Date(), new Date()).catch(() => {});
        return value;
      } catch (error) {
        if (error instanceof CollateralError && !isAbsent(error.cause)) onWarning(`${file} is passed over: ${error.problem}`);
        else if (!(error instanceof CollateralError)) throw error;
        return undefined;
      }
    },
    async put(key, { collateral, fetchedMs }) {
      await mkdir(sets, { recursive: true, mode: 0o700 });
      await writeWhole(join(sets, setName(key)), JSON.stringify({ version: VERSION, key, fetchedMs, collateral }));
      await clearSets(sets);
    },
    async load() {
      const highest = new Map<string, bigint>();
      for (const { key, number } of await listNumbers(numbers)) {
        if (number >= (highest.get(key) ?? 0n)) highest.set(key, number);
      }
      return Object.fromEntries([...highest].map(([key, number]) => [key, number.toString()]));
    },
    async raise(raised) {
      await mkdir(numbers, { recursive: true, mode: 0o700 });
      for (const [key, number] of Object.entries(raised)) {
        const name = `${encodeName(key)}@${number}`;
        if (!isRollbackNumber(key, number) || name.length > MAX_NAME_CHARACTERS) {
          onWarning(`the number of an issuer is not remembered: its name does not fit into a file name of ${MAX_NAME_CHARACTERS}`);
          continue;
        }
        await touch(join(numbers, name));
      }
      await clearNumbers(numbers, raised);
    },
  };
}

/** Where a set lies: readable, and told apart by a hash where names are cut or differ only in what is left out. */
function setName(key: string): string {
  const hash = createHash("sha256").update(key).digest("hex").slice(0, 16);
  return `${key.replaceAll(/[^A-Za-z0-9-]+/g, "-").slice(-80)}-${hash}.json`;
}

function parseEntry(bytes: Uint8Array, key: string, file: string): StoredCollateral {
  const damaged = (cause?: unknown) => new CollateralError("collateral_malformed", file, "it is damaged, or of another version", { cause });
  let entry: unknown;
  try {
    entry = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw damaged(cause);
  }
  const { version, key: keyThere, fetchedMs, collateral } = (entry ?? {}) as Record<string, unknown>;
  const read = parseCollateral(collateral);
  if (version !== VERSION || keyThere !== key || typeof fetchedMs !== "number" || !Number.isFinite(fetchedMs) || !read) throw damaged();
  return { collateral: read, fetchedMs };
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

async function clearSets(folder: string): Promise<void> {
  const files = await Promise.all((await list(folder)).map(async (name) => ({ name, ageMs: await ageMs(join(folder, name)) })));
  const leftovers = files.filter(({ name, ageMs }) => name.endsWith(".tmp") && ageMs > LEFTOVER_MS);
  const surplus = files
    .filter(({ name }) => name.endsWith(".json"))
    .sort((a, b) => a.ageMs - b.ageMs)
    .slice(MAX_SETS);
  await Promise.all([...leftovers, ...surplus].map(({ name }) => rm(join(folder, name), { force: true })));
}

async function touch(file: string): Promise<void> {
  try {
    await (await open(file, "wx", 0o600)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

async function clearNumbers(folder: string, raised: RollbackNumbers): Promise<void> {
  const there = (await listNumbers(folder)).filter(({ key }) => Object.hasOwn(raised, key));
  for (const key of Object.keys(raised)) {
    const [highest, ...lower] = there.filter((entry) => entry.key === key).sort((a, b) => (a.number < b.number ? 1 : -1));
    if (!highest || (await ageMs(join(folder, highest.name))) < SUPERSEDED_MS) continue;
    await Promise.all(lower.map(({ name }) => rm(join(folder, name), { force: true })));
  }
}

async function listNumbers(folder: string): Promise<readonly { readonly name: string; readonly key: string; readonly number: bigint }[]> {
  return (await list(folder)).flatMap((name) => {
    const match = /^([a-z0-9_-]+)@(\d{1,49})$/.exec(name);
    const key = match?.[1] === undefined ? undefined : decodeName(match[1]);
    const number = match?.[2] ?? "";
    return key !== undefined && isRollbackNumber(key, number) ? [{ name, key, number: BigInt(number) }] : [];
  });
}

/** Small letters, digits and `-` stand for themselves, since file systems may not tell A from a; other bytes are `_xx`. */
function encodeName(key: string): string {
  return Array.from(Buffer.from(key), (byte) => {
    const character = String.fromCharCode(byte);
    return /[a-z0-9-]/.test(character) ? character : `_${byte.toString(16).padStart(2, "0")}`;
  }).join("");
}

function decodeName(name: string): string | undefined {
  if (!/^(?:[a-z0-9-]|_[0-9a-f]{2})*$/.test(name)) return undefined;
  const bytes = name.match(/_[0-9a-f]{2}|./g) ?? [];
  return Buffer.from(bytes.map((part) => (part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0)))).toString();
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** @returns 0 for what is gone already, or has a date in the future */
async function ageMs(file: string): Promise<number> {
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
