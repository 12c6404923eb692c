import { type Dispatcher, Pool } from "undici";
import {
  type Askable,
  askShort,
  CHANNEL_OPTIONS,
  connectOptions,
  type EnclaveAnswer,
  EnclaveLinkError,
  isLoss,
  type RelayChannel,
  type RelayedPath,
  relayedRequest,
} from "./enclave-channel.ts";
import { EnclaveConnection } from "./enclave-connection.ts";
import { type EnclaveOffers, fetchOffers } from "./enclave-offers.ts";

/** An enclave's address, and how many requests are on their way there. Who listens behind it may change at any time. */
export class EnclaveLink implements Askable, RelayChannel {
  readonly origin: string;
  /** Requests that are being relayed. */
  inFlight = 0;
  readonly #pool: Pool;
  readonly #lossListeners: (() => void)[] = [];
  #offers: Promise<EnclaveOffers> | undefined;

  /** @param connections most sockets that are open at once, those of {@link connect} not counted */
  constructor(origin: string, connections: number) {
    this.origin = origin;
    this.#pool = new Pool(origin, { ...CHANNEL_OPTIONS, connections, connect: connectOptions() });
    this.#pool.on("disconnect", (_origin, _targets, error) => this.#tellLoss(error));
  }

  /** Told when a connection ended that neither side was done with: the enclave may be gone, or another one by now. */
  onLoss(listener: () => void): void {
    this.#lossListeners.push(listener);
  }

  /** A connection of its own. It opens with its first request. */
  connect(): EnclaveConnection {
    return new EnclaveConnection(this.origin, (error) => this.#tellLoss(error));
  }

  dispatch(path: RelayedPath, body: Buffer, headers: string[], handler: Dispatcher.DispatchHandler): void {
    this.#pool.dispatch(relayedRequest(path, body, headers), handler);
  }

  /** Where the connection was being closed just then, asks once more: that says nothing about the enclave. */
  async get(path: string, timeoutMs: number, maxBytes: number): Promise<EnclaveAnswer> {
    const signal = AbortSignal.timeout(timeoutMs);
    const ask = () => askShort(this.#pool, this.origin, path, signal, maxBytes);
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof EnclaveLinkError) || !isLoss(error.cause)) throw error;
      return await ask();
    }
  }

  /** What it says its models can do; who asks meanwhile gets the same answer. @throws EnclaveLinkError */
  offers(timeoutMs: number): Promise<EnclaveOffers> {
    this.#offers ??= fetchOffers(this, timeoutMs).finally(() => (this.#offers = undefined));
    return this.#offers;
  }

  /** Cuts every connection but those of {@link connect}. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #tellLoss(error: unknown): void {
    if (isLoss(error)) for (const listener of this.#lossListeners) listener();
  }
}
