/** Numbers that follow from a seed, so that a run can be repeated. Not for secrets. */
export interface Random {
  /** From 0 to `bound` − 1; 0 when the bound is 0. */
  below(bound: number): number;
  pick<T>(values: readonly [T, ...T[]] | readonly T[]): T;
  /** True once in `times`. */
  oneIn(times: number): boolean;
}

/** The generator "mulberry32". */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number) => Math.floor(next() * bound);
  return {
    below,
    pick: <T>(values: readonly T[]) => {
      if (values.length === 0) throw new RangeError("nothing to pick from");
      return values[below(values.length)] as T;
    },
    oneIn: (times) => below(times) === 0,
  };
}
