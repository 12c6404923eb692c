import { EnclaveLinkError } from "./enclave-channel.ts";
import type { EnclaveConnection } from "./enclave-connection.ts";

/** Verifications that one enclave is asked for at once; each costs it a quote. */
const MAX_OPENING = 4;

/** Someone who waits for a connection. */
interface Waiter {
  readonly give: (connection: EnclaveConnection) => void;
  readonly fail: (reason: unknown) => void;
}

/**
 * Connections over each of which one enclave has proven itself, for requests that nothing else protects.
 *
 * An address says nothing about who listens there: an enclave may stop, and anything may take its port. A connection
 * cannot change hands, so a verification made over it speaks for what is sent over it afterwards. What this does not
 * stop is somebody on the path, or a proxy in front, who hands the question on to an enclave and the prompt to another,
 * or reads it: that takes an attested TLS key.
 * @see spec/protocol.md, "Routing"
 */
export class AttestedConnections {
  readonly #open: () => EnclaveConnection;
  readonly #verify: (connection: EnclaveConnection) => Promise<void>;
  /** Proven and unused; the one used last is at the end. */
  readonly #idle: EnclaveConnection[] = [];
  readonly #inUse = new Set<EnclaveConnection>();
  readonly #waiting: Waiter[] = [];
  #opening = 0;
  #stopped = false;

  /** @param verify asks for evidence over this one connection; throws unless it is accepted */
  constructor(open: () => EnclaveConnection, verify: (connection: EnclaveConnection) => Promise<void>) {
    this.#open = open;
    this.#verify = verify;
  }

  /**
   * Takes a connection out; it must be given back by {@link release}.
   * @throws what the verification threw, or why no connection opened
   */
  take(): EnclaveConnection | Promise<EnclaveConnection> {
    const idle = this.#idle.pop();
    if (!idle) return this.#wait();
    this.#inUse.add(idle);
    return idle;
  }

  /** Gives a connection back. @param whole false when what was sent over it has not come to its proper end */
  release(connection: EnclaveConnection, whole: boolean): void {
    // One that `distrust` has seen since is not in use any more.
    const trusted = this.#inUse.delete(connection);
    if (connection.closed) return;
    if (!trusted || !whole || this.#stopped) return connection.destroy();
    this.#keep(connection);
  }

  /**
   * Opens and verifies another connection, and keeps it ready in the place of the one that was idle longest.
   * @throws what the verification threw, or why no connection opened
   */
  async renew(): Promise<void> {
    const connection = await this.#openVerified();
    this.#idle.shift()?.destroy();
    this.#keep(connection);
  }

  /** Forgets every proof. Answers in progress go on. */
  distrust(): void {
    this.#inUse.clear();
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  /** Ends everything. */
  stop(): void {
    this.#stopped = true;
    for (const connection of [...this.#inUse, ...this.#idle]) connection.destroy();
  }

  #wait(): Promise<EnclaveConnection> {
    return new Promise((give, fail) => {
      this.#waiting.push({ give, fail });
      this.#openMore();
    });
  }

  #openMore(): void {
    while (this.#opening < Math.min(MAX_OPENING, this.#waiting.length)) void this.#openOne();
  }

  async #openOne(): Promise<void> {
    this.#opening++;
    const present = new Set(this.#waiting);
    try {
      this.#keep(await this.#openVerified());
    } catch (error) {
      // Who waited behind the others would only be told the same, later. Who has come since may meet with better: this
      // connection may have been cut before they asked.
      const waiting = this.#waiting.splice(0);
      this.#waiting.push(...waiting.filter((waiter) => !present.has(waiter)));
      for (const waiter of waiting) if (present.has(waiter)) waiter.fail(error);
    } finally {
      this.#opening--;
    }
    this.#openMore();
  }

  async #openVerified(): Promise<EnclaveConnection> {
    const connection = this.#open();
    connection.onClose(() => this.#forget(connection));
    try {
      await this.#verify(connection);
      // An enclave that takes one request to a connection could never be asked anything over a proven one.
      if (connection.closed || this.#stopped) throw new EnclaveLinkError("unreachable", connection.origin);
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** Hands a proven connection to whoever waits for one, or keeps it. */
  #keep(connection: EnclaveConnection): void {
    const waiter = this.#waiting.shift();
    if (!waiter) {
      this.#idle.push(connection);
      return;
    }
    this.#inUse.add(connection);
    waiter.give(connection);
  }

  #forget(connection: EnclaveConnection): void {
    this.#inUse.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}
