import { WireError } from "@bauta/protocol";
import { type EnclaveLink, EnclaveLinkError } from "./enclave-link.ts";
import type { ReceiptRecord, ReceiptStore } from "./receipt-store.ts";

/** An answer to `/tee/signature`: two hashes, two signatures and a small document. */
const MAX_ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MS = 5_000;
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Brings receipts from enclaves into the store, and hands them to their owners. */
export class Receipts {
  readonly #store: ReceiptStore;
  readonly #linkOf: (origin: string) => EnclaveLink | undefined;
  /** Fetches under way, so that a caller who asks at once does not cause a second one. */
  readonly #fetching = new Map<string, Promise<Uint8Array | undefined>>();

  constructor(store: ReceiptStore, linkOf: (origin: string) => EnclaveLink | undefined) {
    this.#store = store;
    this.#linkOf = linkOf;
  }

  /**
   * Remembers whose answer has begun.
   * @returns a record to {@link collect}, or undefined when the enclave gave no usable id
   */
  async expect(owner: string, model: string, enclave: string, requestId: unknown): Promise<ReceiptRecord | undefined> {
    if (typeof requestId !== "string" || !REQUEST_ID.test(requestId)) return undefined;
    const record = { owner, model, enclave, requestId };
    await this.#store.put(record);
    return record;
  }

  /**
   * Fetches and keeps the receipt of an answer that has ended.
   * @returns the enclave's answer, or undefined when it has no such receipt
   * @throws EnclaveLinkError when the enclave cannot say
   */
  collect(record: ReceiptRecord): Promise<Uint8Array | undefined> {
    const id = `${record.owner}\n${record.requestId}`;
    let fetching = this.#fetching.get(id);
    if (!fetching) {
      fetching = this.#fetch(record).finally(() => this.#fetching.delete(id));
      this.#fetching.set(id, fetching);
    }
    return fetching;
  }

  /**
   * The receipt of one answer.
   * @param owner name of the key that asks
   * @throws WireError `receipt_not_found`, also for another key's answers; `enclave_unreachable` when it was not fetched
   * in time and its enclave is gone
   */
  async read(owner: string, model: string, requestId: string): Promise<Uint8Array> {
    const record = await this.#store.get(owner, requestId);
    if (!record || record.model !== model) throw new WireError("receipt_not_found");
    try {
      const body = record.body ?? (await this.collect(record));
      if (body) return body;
    } catch (cause) {
      if (!(cause instanceof EnclaveLinkError)) throw cause;
      throw new WireError("enclave_unreachable", { retryAfterSeconds: 1, cause });
    }
    throw new WireError("receipt_not_found");
  }

  async #fetch(record: ReceiptRecord): Promise<Uint8Array | undefined> {
    const link = this.#linkOf(record.enclave);
    if (!link) return undefined;
    const query = `model=${encodeURIComponent(record.model)}&request_id=${encodeURIComponent(record.requestId)}`;
    const { status, body } = await link.get(`/v1/tee/signature?${query}`, TIMEOUT_MS, MAX_ANSWER_BYTES);
    if (status === 404) return undefined;
    if (status !== 200) throw new EnclaveLinkError("malformed", link.origin);
    await this.#store.put({ ...record, body });
    return body;
  }
}
