const SMALL_BUCKETS = [256, 512] as const;
const STEP_BYTES = 1024;
const SPACE = 0x20;
const COLON = 0x3a;
const LF = 0x0a;

/** The size that a frame's plaintext is brought to: 256, 512, then whole KiB. */
export function paddedBytes(bytes: number): number {
  return SMALL_BUCKETS.find((bucket) => bytes <= bucket) ?? Math.ceil(bytes / STEP_BYTES) * STEP_BYTES;
}

/**
 * Brings server-sent events to a bucket's size with a comment that every reader skips, so that a frame's length does not
 * tell the token's. Hides neither the number of frames nor their moments.
 * @param events one or more whole events, the last blank line included
 * @see WHATWG HTML §9.2.6
 */
export function padSseFrame(events: Uint8Array): Uint8Array {
  if (events.length === 0) return events;
  const padded = new Uint8Array(paddedBytes(events.length)).fill(SPACE, events.length);
  padded.set(events);
  const gap = padded.length - events.length;
  // A comment and its blank line take three bytes; where fewer are missing, blank lines alone do.
  if (gap > 2) padded[events.length] = COLON;
  if (gap > 0) padded.fill(LF, padded.length - Math.min(gap, 2));
  return padded;
}
