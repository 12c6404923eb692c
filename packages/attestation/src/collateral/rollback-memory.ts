/** Each serial number of RFC 5280 has at most 20 bytes, which are 49 digits. */
const NUMBER = /^(?:0|[1-9]\d{0,48})$/;
const MAX_KEY_CHARACTERS = 200;
/** Intel has issued a few hundred FMSPCs. */
const MAX_KEYS = 4096;

/** Numbers as decimal text by key. */
export type RollbackNumbers = Readonly<Record<string, string>>;

/** What numbers are remembered under; those below a root other than Intel's have that root's scope in front, with a colon. */
export const rollbackKey = {
  /** Evaluation number of an FMSPC's TCB info. @param fmspc hex */
  tcbInfo: (fmspc: string) => `tcb:${fmspc.toLowerCase()}`,
  /** Evaluation number of the QE identity. */
  qeIdentity: "qe",
  /**
   * The newest list of an issuer: (date of issue in seconds) · 2³² + number of entries, since all of Intel's lists have
   * the CRL number 1. An older list with another number of entries is refused.
   */
  crl: (issuerCommonName: string) => `crl:${issuerCommonName}`,
} as const;

/** Keeps numbers beyond this process. */
export interface RollbackStore {
  /** @returns all numbers that are kept */
  load(): Promise<RollbackNumbers>;
  /** Raises the numbers that are lower or not there; never lowers one, whoever else writes at the same time. */
  raise(numbers: RollbackNumbers): Promise<void>;
}

/**
 * Remembers the highest evaluation numbers and the newest CRLs seen, so that older collateral, which may still be within its
 * dates, can be refused. Numbers only rise. One memory serves all trust roots, since the keys tell them apart.
 */
export interface RollbackMemory {
  /** The highest number seen; `remembered` of `appraisePlatform`. It needs no `this`. */
  readonly remembered: (key: string) => bigint | undefined;
  /**
   * Takes note of the numbers of pieces whose signatures held. They count at once in this process, and are kept when
   * the promise resolves; it rejects when the store fails.
   * @throws RangeError for a number that is not a decimal text
   */
  readonly note: (numbers: RollbackNumbers) => Promise<void>;
}

/** A memory that lasts as long as this process. */
export function createRollbackMemory(known: RollbackNumbers = {}): RollbackMemory {
  const highest = createRegister(known);
  return {
    remembered: (key) => highest.get(key),
    note: async (numbers) => {
      highest.raise(numbers);
    },
  };
}

/**
 * A memory that a store keeps.
 * @throws what the store throws when it cannot be read: not to know is not the same as nothing to remember
 */
export async function openRollbackMemory(store: RollbackStore): Promise<RollbackMemory> {
  const highest = createRegister(await store.load());
  return {
    remembered: (key) => highest.get(key),
    note: async (numbers) => {
      const raised = highest.raise(numbers);
      if (Object.keys(raised).length === 0) return;
      await store.raise(raised);
      // What other processes have seen meanwhile.
      highest.raise(await store.load());
    },
  };
}

/** Whether a key and a number are such as are remembered. */
export function isRollbackNumber(key: string, number: string): boolean {
  return key.length > 0 && key.length <= MAX_KEY_CHARACTERS && NUMBER.test(number);
}

function createRegister(known: RollbackNumbers) {
  const highest = new Map<string, bigint>();
  const raise = (numbers: RollbackNumbers): RollbackNumbers => {
    const read = Object.entries(numbers).map(([key, number]) => {
      if (!isRollbackNumber(key, number)) throw new RangeError(`rollback memory: a number is not a decimal text of at most 49 digits`);
      return [key, BigInt(number)] as const;
    });
    const raised = read.filter(([key, number]) => {
      const before = highest.get(key);
      return before === undefined ? highest.size < MAX_KEYS : number > before;
    });
    for (const [key, number] of raised) highest.set(key, number);
    return Object.fromEntries(raised.map(([key, number]) => [key, number.toString()]));
  };
  raise(known);
  return { raise, get: (key: string) => highest.get(key) };
}
