import { u32be } from "../bytes.ts";
import { TAG_BYTES } from "./suite-ids.ts";

const LENGTH_BYTES = 4;

/** Cuts a sealed body, which comes split anywhere, into the ciphertexts of its frames. */
export interface FrameReader {
  /** The frames that these bytes completed; undefined when one is too long, or too short to hold a tag. */
  push(bytes: Uint8Array): Uint8Array[] | undefined;
  /** True when bytes of an unfinished frame remain. */
  readonly pending: boolean;
}

/**
 * A reader of frames u32be(length) ‖ ciphertext. Frames of length zero are skipped. Memory grows with the bytes that
 * came, never with a length that was only announced.
 * @param maxFrameBytes the longest ciphertext, tag included
 */
export function createFrameReader(maxFrameBytes: number): FrameReader {
  /** An unfinished frame, its length first, in one buffer however many pieces it came in. */
  let carry = new Uint8Array(256);
  let carried = 0;

  function keep(piece: Uint8Array): void {
    if (carried + piece.length > carry.length) {
      const larger = new Uint8Array(Math.max(2 * carry.length, carried + piece.length));
      larger.set(carry.subarray(0, carried));
      carry = larger;
    }
    carry.set(piece, carried);
    carried += piece.length;
  }

  const isFault = (length: number) => length > maxFrameBytes || (length > 0 && length < TAG_BYTES);

  return {
    get pending() {
      return carried > 0;
    },

    push(bytes) {
      const frames: Uint8Array[] = [];
      let at = 0;
      while (at < bytes.length) {
        // 1. A frame that lies whole in these bytes is not copied.
        if (carried === 0 && bytes.length - at >= LENGTH_BYTES) {
          const length = readLength(bytes, at);
          if (isFault(length)) return undefined;
          const end = at + LENGTH_BYTES + length;
          if (end <= bytes.length) {
            if (length > 0) frames.push(bytes.subarray(at + LENGTH_BYTES, end));
            at = end;
            continue;
          }
        }
        // 2. Any other is gathered: its length, then its ciphertext.
        const wanted = LENGTH_BYTES + (carried < LENGTH_BYTES ? 0 : readLength(carry, 0));
        const taken = Math.min(wanted - carried, bytes.length - at);
        keep(bytes.subarray(at, at + taken));
        at += taken;
        if (carried < wanted) break;
        if (wanted > LENGTH_BYTES) {
          frames.push(carry.slice(LENGTH_BYTES, wanted));
          carried = 0;
          continue;
        }
        const length = readLength(carry, 0);
        if (isFault(length)) return undefined;
        if (length === 0) carried = 0;
      }
      return frames;
    },
  };
}

/** One frame around a ciphertext. */
export function writeFrame(ciphertext: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(LENGTH_BYTES + ciphertext.length);
  frame.set(u32be(ciphertext.length));
  frame.set(ciphertext, LENGTH_BYTES);
  return frame;
}

function readLength(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, LENGTH_BYTES).getUint32(0);
}
