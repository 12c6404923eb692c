import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes } from "./bytes.ts";

/**
 * REPORTDATA's first half where a request said `include_tls_fingerprint=true`: `SHA-256(address ‖ SHA-256(SPKI))`.
 * It binds the key of the TLS certificate beside the model key, so that whoever connects can pin the enclave's end.
 * @param address 20 bytes of the model key's address
 * @param spkiSha256 SHA-256 of the leaf certificate's SubjectPublicKeyInfo, DER
 * @returns 32 bytes
 * @see spec/protocol.md, "Attestation"
 */
export function bindTlsKey(address: Uint8Array, spkiSha256: Uint8Array): Uint8Array<ArrayBuffer> {
  if (address.length !== 20 || spkiSha256.length !== 32) {
    throw new RangeError(`a TLS binding takes a 20-byte address and a 32-byte fingerprint, not ${address.length} and ${spkiSha256.length}`);
  }
  return sha256(concatBytes(address, spkiSha256));
}
