const LENGTH_BYTES = 4;

/** A sealed body as its frames, each with its length in front. */
export function splitFrames(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + LENGTH_BYTES + new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

/** A frame of whatever bytes. */
export function frameOf(...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const frame = Buffer.alloc(LENGTH_BYTES + content.length);
  frame.writeUInt32BE(content.length);
  content.copy(frame, LENGTH_BYTES);
  return new Uint8Array(frame);
}

/** What a frame holds behind its length: ciphertext and tag. */
export function contentOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(LENGTH_BYTES);
}

/** The same bytes with one bit turned; a negative place counts from the end. */
export function turnBit(bytes: Uint8Array, at: number): Uint8Array {
  const index = at < 0 ? bytes.length + at : at;
  return bytes.with(index, (bytes[index] ?? 0) ^ 1);
}
