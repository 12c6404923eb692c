/** Bytes that are not a TDX quote as this project reads it. */
export class QuoteError extends Error {
  override readonly name = "QuoteError";
  readonly code = "quote_malformed";
  readonly action = "stop";

  constructor(problem: string) {
    super(`quote: ${problem}`);
  }
}

/** Takes little-endian fields from a byte string, never past its end. Offsets in errors count from the quote's start. */
export class QuoteReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #offset = 0;

  /** @param bytes a view of a buffer that begins with the quote */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    const left = this.#bytes.length - this.#offset;
    if (length > left)
      throw new QuoteError(`at byte ${this.#bytes.byteOffset + this.#offset} ${length} bytes belong, and ${left} are left`);
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  u16(): number {
    const [low = 0, high = 0] = this.take(2);
    return low + 256 * high;
  }

  u32(): number {
    return this.u16() + 65536 * this.u16();
  }

  section(length: number): QuoteReader {
    return new QuoteReader(this.take(length));
  }

  consumed(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#offset);
  }

  rest(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#offset);
  }

  end(): void {
    const left = this.rest().length;
    if (left > 0) throw new QuoteError(`${left} bytes are left over at byte ${this.#bytes.byteOffset + this.#offset}`);
  }
}
