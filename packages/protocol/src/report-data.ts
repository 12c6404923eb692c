import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8 } from "./bytes.ts";
import { parseHex } from "./hex.ts";
import { LIMITS } from "./limits.ts";

/** How a nonce in a query becomes the 32 bytes that REPORTDATA holds. */
export interface BoundNonce {
  readonly method: "raw" | "sha256";
  /** The 32 bytes of REPORTDATA's second half; the GPUs' nonce too. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Derives what a nonce binds to. 64 hex digits are used raw; on `tee-*` models any other text is hashed as received.
 * Both sides apply this to the request itself; what an answer says about its method is not believed.
 * @param query the nonce exactly as in the query string, percent-decoded
 * @param sealed true for `e2ee-*` models, which take 32 bytes only
 * @returns undefined when this model does not take such a nonce
 * @see spec/protocol.md, "Attestation"
 */
export function bindNonce(query: string, sealed: boolean): BoundNonce | undefined {
  const raw = query.length === 64 ? parseHex(query, 32) : undefined;
  if (raw) return { method: "raw", bytes: raw };
  if (sealed || query.length === 0 || query.length > LIMITS.nonceCharacters || !/^[\x21-\x7e]+$/.test(query)) {
    return undefined;
  }
  return { method: "sha256", bytes: sha256(utf8(query)) };
}

/**
 * The 64 bytes that an enclave puts into its quote: `address(20) ‖ zeros(12) ‖ nonce(32)`.
 * @see spec/protocol.md, "Attestation"
 */
export function createReportData(address: Uint8Array, nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  if (address.length !== 20 || nonce.length !== 32) {
    throw new RangeError(`REPORTDATA takes a 20-byte address and a 32-byte nonce, not ${address.length} and ${nonce.length}`);
  }
  return concatBytes(address, new Uint8Array(12), nonce);
}
