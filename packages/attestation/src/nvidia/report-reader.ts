import { GpuEvidenceError } from "./gpu-evidence-error.ts";

/** Takes little-endian fields from a report, never past its end. Offsets in errors count from the report's start. */
export class ReportReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #offset = 0;

  /** @param bytes a view of a buffer that begins with the report */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.left)
      throw new GpuEvidenceError(
        `report: at byte ${this.#bytes.byteOffset + this.#offset} ${length} bytes belong, and ${this.left} are left`,
      );
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  u8(): number {
    const [value = 0] = this.take(1);
    return value;
  }

  u16(): number {
    return this.u8() + 256 * this.u8();
  }

  u24(): number {
    return this.u16() + 65536 * this.u8();
  }

  /** Takes bytes that can be no others. */
  expect(what: string, ...values: readonly number[]): void {
    const at = this.#bytes.byteOffset + this.#offset;
    if (this.take(values.length).some((byte, index) => byte !== values[index]))
      throw new GpuEvidenceError(`report: at byte ${at} ${what} are not those of a signed report of SPDM 1.1`);
  }

  section(length: number): ReportReader {
    return new ReportReader(this.take(length));
  }

  consumed(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#offset);
  }

  end(): void {
    if (this.left > 0)
      throw new GpuEvidenceError(`report: ${this.left} bytes are left over at byte ${this.#bytes.byteOffset + this.#offset}`);
  }
}
