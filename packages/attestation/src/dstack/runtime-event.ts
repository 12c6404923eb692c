import { concatBytes, parseHex, toHex, utf8 } from "@bauta/protocol";
import type { EventLogEntry } from "../evidence/evidence.ts";

/** The event type of everything that dstack itself extends into RTMR3; TCG defines no such type. */
const RUNTIME_EVENT_TYPE = 0x0800_0001;
/** The register that takes dstack's runtime events. */
export const RUNTIME_REGISTER = 3;
const MAX_PAYLOAD_BYTES = 64 * 1024;
/** No colon, since the first form of the digest puts colons between type, name and payload. */
const NAME = /^[a-z0-9-]{1,64}$/;

/** An event whose digest was recomputed from its own name and payload. */
export interface RuntimeEvent {
  readonly name: string;
  readonly payload: Uint8Array<ArrayBuffer>;
  /** SHA-384, 48 bytes. */
  readonly digest: Uint8Array<ArrayBuffer>;
}

/**
 * Recomputes a runtime event's digest. Version 1 hashes `LE32(type) ‖ ":" ‖ name ‖ ":" ‖ payload`, version 2 the RFC 8785
 * JSON of name, payload (hex) and type. An entry's own word on its version is not needed: a preimage of one form is none of
 * the other.
 * @param digest the entry's digest, 48 bytes
 * @returns the event, or why nothing in the entry may be believed
 * @see dstack cc-eventlog, runtime_events.rs
 */
export async function readRuntimeEvent(entry: EventLogEntry, digest: Uint8Array<ArrayBuffer>): Promise<RuntimeEvent | string> {
  if (entry.event_type !== RUNTIME_EVENT_TYPE) return "is not one of dstack's runtime events";
  if (!NAME.test(entry.event)) return "has a name with characters other than a-z, 0-9 and -";
  const payload = parseHex(entry.event_payload, MAX_PAYLOAD_BYTES);
  if (!payload) return `has a payload that is not hex of at most ${MAX_PAYLOAD_BYTES} bytes`;
  const wanted = toHex(digest);
  for (const preimage of [preimageV1(entry.event, payload), preimageV2(entry.event, payload)]) {
    if (toHex(await sha384(preimage)) === wanted) return { name: entry.event, payload, digest };
  }
  return "has a digest that is not that of its name and payload";
}

function preimageV1(name: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const type = Uint8Array.of(RUNTIME_EVENT_TYPE & 0xff, 0, 0, RUNTIME_EVENT_TYPE >>> 24);
  return concatBytes(type, utf8(`:${name}:`), payload);
}

/** The name needs no escapes, so the canonical form can be written down. */
function preimageV2(name: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return utf8(`{"name":"${name}","payload":"${toHex(payload)}","type":${RUNTIME_EVENT_TYPE}}`);
}

/** SHA-384 of a byte string. */
export async function sha384(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-384", message));
}
