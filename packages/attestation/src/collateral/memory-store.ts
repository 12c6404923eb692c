import type { Collateral } from "./collateral.ts";

/** Collateral as a store keeps it. Until when it holds is read from the pieces themselves, whenever they are loaded. */
export interface StoredCollateral {
  readonly collateral: Collateral;
  /** When it was fetched, milliseconds since 1970. */
  readonly fetchedMs: number;
}

/**
 * Keeps collateral between fetches. It need not be trusted with anything but being there: each set is signed and is
 * verified whenever it is used.
 */
export interface CollateralStore {
  /** @returns undefined when there is none, also when what is there cannot be read */
  get(key: string): Promise<StoredCollateral | undefined>;
  put(key: string, value: StoredCollateral): Promise<void>;
}

/** A store in memory; the entry used longest ago makes room for a new one. */
export function createMemoryStore(maxEntries = 64): CollateralStore {
  const entries = new Map<string, StoredCollateral>();
  const touch = (key: string, value: StoredCollateral) => {
    entries.delete(key);
    entries.set(key, value);
    const [oldest] = entries.keys();
    if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
  };
  return {
    async get(key) {
      const value = entries.get(key);
      if (value) touch(key, value);
      return value;
    },
    async put(key, value) {
      touch(key, value);
    },
  };
}
