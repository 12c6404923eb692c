/** A server's request id, if it is an identifier that can be shown as it is. Whoever relays could have written it. */
export function parseRequestId(text: string | null | undefined): string | undefined {
  return typeof text === "string" && /^[A-Za-z0-9._:-]{1,256}$/.test(text) ? text : undefined;
}
