const DEFAULT_MAX_ENTRIES = 96;

/** What a verification step found: worth keeping only if it found no fault. */
export interface Verified {
  readonly faults: readonly string[];
}

/**
 * Remembers verified pieces: CA and signer certificates, TCB info, QE identity, revocation lists. What depends on the time
 * is never part of it. Keys hold the exact text of everything that the finding rests on, the root included.
 */
export interface CollateralCache {
  /** Gives what `verify` found for this key before, or runs it; callers that come together share one run. */
  remember<T extends Verified>(key: string, verify: () => Promise<T>): Promise<T>;
}

/**
 * Makes a cache in memory. It forgets the entry that was least recently used.
 * @param maxEntries about six are used by one platform; each has the size of its text and its parsed form
 */
export function createCollateralCache(maxEntries: number = DEFAULT_MAX_ENTRIES): CollateralCache {
  const entries = new Map<string, Promise<Verified>>();
  return {
    remember<T extends Verified>(key: string, verify: () => Promise<T>): Promise<T> {
      const known = entries.get(key) as Promise<T> | undefined;
      const entry = known ?? verify();
      entries.delete(key);
      entries.set(key, entry);
      const [oldest] = entries.keys();
      if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
      // What was not verified is forgotten, so that junk neither stays nor pushes out what was.
      const forget = () => entries.delete(key);
      if (!known) entry.then(({ faults }) => faults.length > 0 && forget(), forget);
      return entry;
    },
  };
}
