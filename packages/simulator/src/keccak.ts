const RATE_BYTES = 136;
const LANE_MASK = (1n << 64n) - 1n;

/**
 * Keccak-256 with the padding from before it became SHA-3, as Ethereum and dstack use it. Slow and simple: it makes
 * test evidence from public values.
 * @returns 32 bytes
 * @see The Keccak reference, version 3.0, §1.2 and §2
 */
export function keccak256(message: Uint8Array): Buffer {
  const blocks = Math.floor(message.length / RATE_BYTES) + 1;
  const padded = Buffer.alloc(blocks * RATE_BYTES);
  padded.set(message);
  padded[message.length] = (padded[message.length] ?? 0) | 0x01;
  padded[padded.length - 1] = (padded[padded.length - 1] ?? 0) | 0x80;
  let state: bigint[] = Array.from({ length: 25 }, () => 0n);
  for (let block = 0; block < blocks; block++) {
    for (let lane = 0; lane < RATE_BYTES / 8; lane++) {
      state[lane] = at(state, lane) ^ padded.readBigUInt64LE(block * RATE_BYTES + 8 * lane);
    }
    state = permute(state);
  }
  const digest = Buffer.alloc(32);
  for (let lane = 0; lane < 4; lane++) digest.writeBigUInt64LE(at(state, lane), 8 * lane);
  return digest;
}

/** Keccak-f[1600]; lane (x, y) is at x + 5y. */
function permute(input: readonly bigint[]): bigint[] {
  let lanes = [...input];
  let lfsr = 1;
  for (let round = 0; round < 24; round++) {
    const columns = [0, 1, 2, 3, 4].map((x) => [0, 1, 2, 3, 4].reduce((parity, y) => parity ^ at(lanes, x + 5 * y), 0n));
    lanes = lanes.map((lane, index) => lane ^ at(columns, (index + 4) % 5) ^ rotate(at(columns, ((index % 5) + 1) % 5), 1));
    let [x, y, moving] = [1, 0, at(lanes, 1)];
    for (let t = 0; t < 24; t++) {
      [x, y] = [y, (2 * x + 3 * y) % 5];
      const next = at(lanes, x + 5 * y);
      lanes[x + 5 * y] = rotate(moving, (((t + 1) * (t + 2)) / 2) % 64);
      moving = next;
    }
    const mixed = lanes;
    lanes = mixed.map((lane, index) => {
      const row = index - (index % 5);
      return lane ^ (~at(mixed, row + ((index + 1) % 5)) & LANE_MASK & at(mixed, row + ((index + 2) % 5)));
    });
    for (let j = 0; j < 7; j++) {
      if ((lfsr & 1) === 1) lanes[0] = at(lanes, 0) ^ (1n << BigInt(2 ** j - 1));
      lfsr = ((lfsr << 1) ^ ((lfsr >> 7) * 0x171)) & 0xff;
    }
  }
  return lanes;
}

function rotate(lane: bigint, by: number): bigint {
  return ((lane << BigInt(by)) | (lane >> BigInt(64 - by))) & LANE_MASK;
}

function at(lanes: readonly bigint[], index: number): bigint {
  return lanes[index] ?? 0n;
}
