import type { EventLogEntry } from "@bauta/attestation";
import { canonicalJson } from "@bauta/protocol";
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

/** How dstack hashes runtime events: 1, by joining the parts with colons; 2, as canonical JSON. */
export type EventVersion = 1 | 2;

/** A runtime event as served; one of version 1 does not say so. */
export interface RuntimeEvent extends EventLogEntry {
  readonly version?: EventVersion;
}

/**
 * A runtime event of dstack: its digest covers type, name and payload.
 * @see dstack attestation guide, "RTMR3 event log". Version 1: SHA-384(LE32 type ‖ ":" ‖ name ‖ ":" ‖ payload);
 *   version 2: SHA-384 of the canonical JSON of `name`, `type` and `payload` (hex)
 */
export function runtimeEvent(name: string, payload: Uint8Array, version: EventVersion = 1): RuntimeEvent {
  const hex = Buffer.from(payload).toString("hex");
  const entry = {
    imr: 3,
    event_type: RUNTIME_EVENT_TYPE,
    digest: createHash("sha384")
      .update(preimage(name, payload, version))
      .digest("hex"),
    event: name,
    event_payload: hex,
  };
  return version === 1 ? entry : { ...entry, version };
}

function preimage(name: string, payload: Uint8Array, version: EventVersion): Uint8Array {
  if (version === 2) return Buffer.from(canonicalJson({ name, type: RUNTIME_EVENT_TYPE, payload: Buffer.from(payload).toString("hex") }));
  const type = Buffer.alloc(4);
  type.writeUInt32LE(RUNTIME_EVENT_TYPE);
  return Buffer.concat([type, Buffer.from(`:${name}:`), payload]);
}

/** What a register holds after the log's events for it: from zeros, SHA-384(register ‖ digest) each. */
export function replay(log: readonly EventLogEntry[], imr: number): Buffer {
  return log
    .filter((event) => event.imr === imr)
    .reduce((register, event) => createHash("sha384").update(register).update(event.digest, "hex").digest(), Buffer.alloc(REGISTER_BYTES));
}
