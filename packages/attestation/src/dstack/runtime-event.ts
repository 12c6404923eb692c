import { concatBytes, equalBytes, parseHex, toHex, utf8 } from "@bauta/protocol";
import type { EventLogEntry } from "../evidence/evidence.ts";

/** The event type of everything that dstack itself extends into RTMR3; TCG defines no such type. */
const RUNTIME_EVENT_TYPE = 0x0800_0001;
/** The register that takes dstack's runtime events. */
export const RUNTIME_REGISTER = 3;
const MAX_PAYLOAD_BYTES = 64 * 1024;
/** No colon, since the first form of the digest puts colons between type, name and payload; apps name their events as they like. */
const NAME = /^[^:\p{C}\p{Zl}\p{Zp}]{1,128}$/u;
const DIGEST_BYTES = 48;

/** How a digest is made: 1 with colons between its parts, 2 as JSON. */
export type DigestForm = 1 | 2;

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
 * @param form taken where the entry leaves its digest out, as guests since dstack 0.5.6 do; the replay tells whether it is right
 * @returns the event, or why nothing in the entry may be believed
 * @see dstack cc-eventlog, runtime_events.rs
 */
export async function readRuntimeEvent(entry: EventLogEntry, form: DigestForm): Promise<RuntimeEvent | string> {
  if (entry.event_type !== RUNTIME_EVENT_TYPE) return "is not one of dstack's runtime events";
  if (!NAME.test(entry.event))
    return "has a name with characters that none can have (a colon, or one that nobody sees), or with more than 128";
  const payload = parseHex(entry.event_payload, MAX_PAYLOAD_BYTES);
  if (!payload) return `has a payload that is not hex of at most ${MAX_PAYLOAD_BYTES} bytes`;
  const named = { name: entry.event, payload };
  const preimages = [preimageV1(entry.event, payload), preimageV2(entry.event, payload)] as const;
  if (entry.digest === "") return { ...named, digest: await sha384(preimages[form - 1] ?? preimages[0]) };
  const wanted = parseHex(entry.digest, DIGEST_BYTES);
  if (wanted?.length !== DIGEST_BYTES) return "has no SHA-384 digest in hex";
  for (const preimage of preimages) {
    const digest = await sha384(preimage);
    if (equalBytes(digest, wanted)) return { ...named, digest };
  }
  return "has a digest that is not that of its name and payload";
}

function preimageV1(name: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const type = Uint8Array.of(RUNTIME_EVENT_TYPE & 0xff, 0, 0, RUNTIME_EVENT_TYPE >>> 24);
  return concatBytes(type, utf8(`:${name}:`), payload);
}

/** Without control characters, JSON writes a name as RFC 8785 does. */
function preimageV2(name: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return utf8(`{"name":${JSON.stringify(name)},"payload":"${toHex(payload)}","type":${RUNTIME_EVENT_TYPE}}`);
}

/** SHA-384 of a byte string. */
export async function sha384(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-384", message));
}
