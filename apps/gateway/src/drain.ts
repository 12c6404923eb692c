import { WireError } from "@bauta/protocol";

/** Counts requests in progress, turns new ones away once the gateway closes, and says when the last one ended. */
export class Drain {
  #active = 0;
  #closing = false;
  #idle: (() => void) | undefined;

  get closing(): boolean {
    return this.#closing;
  }

  /**
   * Begins a request.
   * @returns to be called once, when it is over
   * @throws WireError `shutting_down`
   */
  enter(): () => void {
    if (this.#closing) throw new WireError("shutting_down", { retryAfterSeconds: 1 });
    this.#active++;
    return () => {
      this.#active--;
      if (this.#active === 0) this.#idle?.();
    };
  }

  /**
   * Turns new requests away from now on.
   * @returns true when the last request has ended, false when `graceMs` passed before
   */
  async close(graceMs: number): Promise<boolean> {
    this.#closing = true;
    if (this.#active === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const idle = new Promise<true>((settle) => (this.#idle = () => settle(true)));
    const late = new Promise<false>((settle) => (timer = setTimeout(() => settle(false), graceMs)));
    try {
      return await Promise.race([idle, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
