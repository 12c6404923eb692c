import { createHash } from "node:crypto";

/** The digest of a runtime event of dstack's as its first versions compute it. @see dstack cc-eventlog, runtime_events.rs */
export function runtimeDigest(name: string, payloadHex: string): string {
  const type = Buffer.of(0x01, 0, 0, 0x08);
  return createHash("sha384")
    .update(Buffer.concat([type, Buffer.from(`:${name}:`), Buffer.from(payloadHex, "hex")]))
    .digest("hex");
}
