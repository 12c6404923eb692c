import {
  type CollateralStore,
  isRollbackNumber,
  parseCollateral,
  type RollbackNumbers,
  type RollbackStore,
  type StoredCollateral,
} from "@bauta/attestation";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { ageMs, createEntryDirectory, listFiles } from "./entry-directory.ts";

const MAX_SET_BYTES = 4 * 1024 * 1024;
const MAX_SETS = 64;
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
  const numbers = join(path, "numbers", scope);
  const sets = createEntryDirectory(join(path, "sets"), { maxBytes: MAX_SET_BYTES, maxEntries: MAX_SETS, read: readSet, onWarning });

  return {
    ...sets,
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

function readSet({ fetchedMs, collateral }: Readonly<Record<string, unknown>>): StoredCollateral | undefined {
  const read = parseCollateral(collateral);
  return read && typeof fetchedMs === "number" && Number.isFinite(fetchedMs) ? { collateral: read, fetchedMs } : undefined;
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
  return (await listFiles(folder)).flatMap((name) => {
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
