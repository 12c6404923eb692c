import type { EventLogEntry } from "@bauta/attestation";
import { createHash } from "node:crypto";

/** The event type of dstack's runtime events. */
export const RUNTIME_EVENT_TYPE = 0x0800_0001;
const REGISTER_BYTES = 48;

/** A boot event that firmware or boot loader measured: an opaque digest. */
export function bootEvent(imr: 0 | 1 | 2, eventType: number, measured: string): EventLogEntry {
  const payload = Buffer.from(measured);
  return {
    imr,
    event_type: eventType,
    digest: createHash("sha384").update(payload).digest("hex"),
    event: "",
    event_payload: payload.toString("hex"),
  };
}

/**
 * A runtime event of dstack: its digest covers type, name and payload.
 * @see dstack attestation guide, "RTMR3 event log" (version 1): SHA-384(LE32 type ‖ ":" ‖ name ‖ ":" ‖ payload)
 */
export function runtimeEvent(name: string, payload: Uint8Array): EventLogEntry {
  const type = Buffer.alloc(4);
  type.writeUInt32LE(RUNTIME_EVENT_TYPE);
  return {
    imr: 3,
    event_type: RUNTIME_EVENT_TYPE,
    digest: createHash("sha384").update(type).update(`:${name}:`).update(payload).digest("hex"),
    event: name,
    event_payload: Buffer.from(payload).toString("hex"),
  };
}

/** What a register holds after the log's events for it: from zeros, SHA-384(register ‖ digest) each. */
export function replay(log: readonly EventLogEntry[], imr: number): Buffer {
  return log
    .filter((event) => event.imr === imr)
    .reduce((register, event) => createHash("sha384").update(register).update(event.digest, "hex").digest(), Buffer.alloc(REGISTER_BYTES));
}
