import type { IncomingHttpHeaders } from "node:http";
import { HEADERS, WireError } from "@bauta/protocol";

/** A frame's length, before it. */
const LENGTH_BYTES = 4;
/** AES-GCM's, the least that a frame holds. */
const TAG_BYTES = 16;

/** What the gateway knows of a request that is sealed as a whole: what stands in clear beside it. */
export interface SealedTarget {
  readonly model: string;
  /** The key of the enclave that alone can open it. */
  readonly modelKey: string;
}

/** True for a request of version 2: its body is sealed as a whole. */
export function hasSealedBody(headers: IncomingHttpHeaders): boolean {
  return headers[HEADERS.encapsulatedKey] !== undefined;
}

/**
 * Reads where a sealed body is to go.
 * @throws WireError `missing_field` naming the header, and `headers_mixed` beside headers of version 1
 * @see spec/sealed-bodies.md
 */
export function readSealedTarget(headers: IncomingHttpHeaders): SealedTarget {
  for (const name of [HEADERS.clientPublicKey, HEADERS.signingAlgorithm]) {
    if (headers[name] !== undefined) throw new WireError("headers_mixed", { param: name });
  }
  return { model: requiredHeader(headers, HEADERS.model), modelKey: requiredHeader(headers, HEADERS.modelPublicKey) };
}

/**
 * Checks that a body consists of frames, by their lengths alone. JSON never does: its first letter would begin a length
 * of over a hundred megabytes. So what somebody forgot to seal ends here, and is sent to no address that has not proven itself.
 * @throws WireError `body_not_opened`, as the enclave calls it
 */
export function assertFrames(body: Uint8Array): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let at = 0;
  while (at + LENGTH_BYTES <= body.length) {
    const length = view.getUint32(at);
    if (length > 0 && length < TAG_BYTES) break;
    at += LENGTH_BYTES + length;
  }
  if (at !== body.length) throw new WireError("body_not_opened");
}

function requiredHeader(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  if (typeof value !== "string" || value === "") throw new WireError("missing_field", { param: name });
  return value;
}
