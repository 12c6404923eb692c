/**
 * Compares bytes with a value under a mask, all as hex. The value has to lie within the mask itself, as in Intel's rules.
 * @returns true when they agree in every bit that the mask names
 */
export function equalUnderMask(actual: string, expected: string, mask: string): boolean {
  return (bits(actual) & bits(mask)) === bits(expected);
}

function bits(hex: string): bigint {
  return BigInt(`0x${hex}`);
}
