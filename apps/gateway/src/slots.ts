import { WireError } from "@bauta/protocol";

/** Bounds what is in progress at once, for everybody together and for each owner. */
export class Slots {
  readonly #max: number;
  readonly #maxPerOwner: number;
  readonly #takenBy = new Map<string, number>();
  #taken = 0;

  constructor(max: number, maxPerOwner: number) {
    this.#max = max;
    this.#maxPerOwner = maxPerOwner;
  }

  /**
   * @param owner name of the API key that asks
   * @returns to be called once, when the work is over
   * @throws WireError `overloaded` when nothing is free, `rate_limited` when the owner has its share
   */
  take(owner: string): () => void {
    if (this.#taken >= this.#max) throw new WireError("overloaded", { retryAfterSeconds: 1 });
    const held = this.#takenBy.get(owner) ?? 0;
    if (held >= this.#maxPerOwner) throw new WireError("rate_limited", { retryAfterSeconds: 1 });
    this.#taken++;
    this.#takenBy.set(owner, held + 1);
    return () => {
      this.#taken--;
      const left = (this.#takenBy.get(owner) ?? 1) - 1;
      if (left === 0) this.#takenBy.delete(owner);
      else this.#takenBy.set(owner, left);
    };
  }
}
