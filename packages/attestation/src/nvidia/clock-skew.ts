/**
 * How far ahead of ours the clock of one of NVIDIA's services may be: an answer is used moments after it was made, so a
 * clock that is slow by seconds would put it into the future. No end of validity is stretched by it.
 */
export const CLOCK_SKEW_MS = 5 * 60_000;
