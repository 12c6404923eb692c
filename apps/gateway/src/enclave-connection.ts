import { buildConnector, Client, type Dispatcher } from "undici";
import {
  type Askable,
  askShort,
  CHANNEL_OPTIONS,
  connectOptions,
  type EnclaveAnswer,
  type RelayChannel,
  type RelayedPath,
  relayedRequest,
} from "./enclave-channel.ts";

/**
 * One connection to an enclave, from its first request to its end. An HTTP client would quietly open another one in its
 * place, to whoever listens there by then; this one never does: what waits for it fails instead, unsent. So what its
 * peer has proven holds for as long as it is open.
 */
export class EnclaveConnection implements Askable, RelayChannel {
  readonly origin: string;
  readonly #client: Client;
  readonly #closeListeners: (() => void)[] = [];
  #closed = false;

  /** @param onEnd told once with what ended the connection, if it was ever open */
  constructor(origin: string, onEnd: (error: Error) => void) {
    this.origin = origin;
    const open = buildConnector(connectOptions());
    let opened = false;
    this.#client = new Client(origin, {
      ...CHANNEL_OPTIONS,
      connect: (options, callback) => {
        if (opened) return callback(new Error("this connection is over"), null);
        opened = true;
        open(options, callback);
      },
    });
    this.#client.on("disconnect", (_origin, _targets, error) => {
      this.#end();
      onEnd(error);
    });
    this.#client.on("connectionError", () => this.#end());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Told once, when the connection is over. */
  onClose(listener: () => void): void {
    this.#closeListeners.push(listener);
  }

  get(path: string, timeoutMs: number, maxBytes: number): Promise<EnclaveAnswer> {
    return askShort(this.#client, this.origin, path, AbortSignal.timeout(timeoutMs), maxBytes);
  }

  dispatch(path: RelayedPath, body: Buffer, headers: string[], handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(relayedRequest(path, body, headers), handler);
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    // What still waits for this connection is told so by this.
    void this.#client.destroy();
    for (const listener of this.#closeListeners) listener();
  }
}
