import type { Awaitable } from "@bauta/protocol";

/** Where an answer's receipt is, or will be. */
export interface ReceiptRecord {
  /** Name of the API key that made the request: nobody else may read the receipt. */
  readonly owner: string;
  readonly requestId: string;
  readonly model: string;
  /** Origin of the enclave that answered. */
  readonly enclave: string;
  /** The enclave's answer to `/tee/signature`, byte for byte; absent until it was fetched. */
  readonly body?: Uint8Array;
}

/** Keeps receipts after their enclave is gone. */
export interface ReceiptStore {
  put(record: ReceiptRecord): Awaitable<void>;
  /** A record of this owner's own; another's with the same id is not seen. */
  get(owner: string, requestId: string): Awaitable<ReceiptRecord | undefined>;
}

/** What a record costs beside its body, roughly. */
const RECORD_OVERHEAD_BYTES = 512;

/** A store in memory that forgets the oldest records first. */
export function createMemoryReceiptStore(limits: { readonly maxRecords: number; readonly maxBytes: number }): ReceiptStore {
  const records = new Map<string, ReceiptRecord>();
  let bytes = 0;
  const idOf = (owner: string, requestId: string) => `${owner}\n${requestId}`;
  const remove = (id: string) => {
    const record = records.get(id);
    if (record && records.delete(id)) bytes -= sizeOf(record);
  };
  return {
    put(record) {
      const id = idOf(record.owner, record.requestId);
      remove(id);
      records.set(id, record);
      bytes += sizeOf(record);
      for (const oldest of records.keys()) {
        if (records.size <= limits.maxRecords && bytes <= limits.maxBytes) break;
        remove(oldest);
      }
    },
    get: (owner, requestId) => records.get(idOf(owner, requestId)),
  };
}

function sizeOf(record: ReceiptRecord): number {
  return RECORD_OVERHEAD_BYTES + (record.body?.length ?? 0);
}
