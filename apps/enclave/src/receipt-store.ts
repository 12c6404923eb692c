import type { SignedReceipt } from "@bauta/protocol";

/** Receipts of finished answers, for as long as the gateway needs to fetch them. In memory; holds no content. */
export interface ReceiptStore {
  put(requestId: string, signed: SignedReceipt): void;
  /** The receipt, unless it is unknown, too old, or of another model. */
  get(requestId: string, model: string): SignedReceipt | undefined;
  readonly size: number;
}

export interface ReceiptStoreOptions {
  readonly nowMs: () => number;
  readonly maxEntries?: number;
  readonly maxAgeMs?: number;
}

/** Makes a store that drops its oldest receipts beyond either limit. */
export function createReceiptStore({ nowMs, maxEntries = 10_000, maxAgeMs = 3_600_000 }: ReceiptStoreOptions): ReceiptStore {
  // A Map keeps the order of insertion, which is the order of age.
  const entries = new Map<string, { readonly signed: SignedReceipt; readonly storedMs: number }>();

  function dropOld(): void {
    const oldestMs = nowMs() - maxAgeMs;
    for (const [id, { storedMs }] of entries) {
      if (entries.size <= maxEntries && storedMs >= oldestMs) return;
      entries.delete(id);
    }
  }

  return {
    get size() {
      return entries.size;
    },
    put(requestId, signed) {
      entries.set(requestId, { signed, storedMs: nowMs() });
      dropOld();
    },
    get(requestId, model) {
      dropOld();
      const signed = entries.get(requestId)?.signed;
      return signed?.receipt.model === model ? signed : undefined;
    },
  };
}
