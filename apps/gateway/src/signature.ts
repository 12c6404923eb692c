import { WireError } from "@bauta/protocol";
import { EnclaveLinkError } from "./enclave-channel.ts";
import type { EnclaveLink } from "./enclave-link.ts";
import type { ReceiptRecord, ReceiptStore } from "./receipt-store.ts";

/** An answer to `/tee/signature`: two hashes, two signatures and a small document. */
const MAX_ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MS = 5_000;
/** How long an enclave's "not yet" is believed when an owner asks again. */
const MISS_MS = 250;
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Brings receipts from enclaves into the store, and hands them to their owners. */
export class Receipts {
  readonly #store: ReceiptStore;
  readonly #linkOf: (origin: string) => EnclaveLink | undefined;
  /** Fetches under way, so that a caller who asks at once does not cause a second one. */
  readonly #fetching = new Map<string, Promise<Uint8Array | undefined>>();
  /** Receipts that owners asked for in vain a moment ago. */
  readonly #missed = new Set<string>();

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
  async collect(record: ReceiptRecord): Promise<Uint8Array | undefined> {
    const id = idOf(record);
    // What was said before the end is out of date.
    this.#missed.delete(id);
    const early = this.#fetching.get(id);
    return (await early?.catch(() => undefined)) ?? (await this.#fetchShared(record));
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
    const body = record.body ?? (await this.#ask(record));
    if (!body) throw new WireError("receipt_not_found");
    return body;
  }

  async #ask(record: ReceiptRecord): Promise<Uint8Array | undefined> {
    const id = idOf(record);
    if (this.#missed.has(id) && !this.#fetching.has(id)) return undefined;
    try {
      const body = await this.#fetchShared(record);
      if (!body) {
        this.#missed.add(id);
        setTimeout(() => this.#missed.delete(id), MISS_MS).unref();
      }
      return body;
    } catch (cause) {
      if (!(cause instanceof EnclaveLinkError)) throw cause;
      throw new WireError("enclave_unreachable", { retryAfterSeconds: 1, cause });
    }
  }

  #fetchShared(record: ReceiptRecord): Promise<Uint8Array | undefined> {
    const id = idOf(record);
    let fetching = this.#fetching.get(id);
    if (!fetching) {
      fetching = this.#fetch(record).finally(() => this.#fetching.delete(id));
      this.#fetching.set(id, fetching);
    }
    return fetching;
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

function idOf({ owner, requestId }: ReceiptRecord): string {
  return `${owner}\n${requestId}`;
}
