/** `YYYY-MM-DD`, or an RFC 3339 time in UTC with at most milliseconds. */
export const DATE_PATTERN =
  "^\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])(?:T(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,3})?Z)?$";

const form = new RegExp(DATE_PATTERN);

/**
 * Reads a date or a time; a bare date is the moment at which it begins, UTC.
 * @returns milliseconds since 1970, or undefined when it is neither, or a day that no calendar has
 */
export function parseDateMs(date: string): number | undefined {
  if (!form.test(date)) return undefined;
  const ms = Date.parse(date);
  // Date.parse rolls 30 February over into March; a date must read back as it was written.
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(date.slice(0, 10)) ? ms : undefined;
}
