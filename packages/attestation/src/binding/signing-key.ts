import { addressOf, parseModelKey, toHex } from "@bauta/protocol";
import type { Evidence } from "../evidence/evidence.ts";
import { failed, type Finding, passed } from "../result.ts";

const ID = "key.address-derived";
const FIELD_PRIME = 2n ** 256n - 2n ** 32n - 977n;

/** The enclave's key and what follows from it. */
export interface SigningKey {
  readonly finding: Finding;
  /** 65 bytes `04 ‖ x ‖ y` on secp256k1; absent when the finding failed. */
  readonly key?: Uint8Array<ArrayBuffer>;
  /** Last 20 bytes of keccak-256 over x ‖ y; absent when the finding failed. */
  readonly address?: Uint8Array<ArrayBuffer>;
}

/**
 * Derives the address from the key itself. The answer's `signing_address` is never believed, but must not contradict it.
 * @see spec/protocol.md, "Attestation"
 */
export function deriveSigningKey(evidence: Pick<Evidence, "signingKey" | "signingAddress">): SigningKey {
  if (evidence.signingKey === "") return { finding: failed(ID, "the answer has no signing_key: there is nothing to encrypt to") };
  const key = parseModelKey(evidence.signingKey);
  if (!key) return { finding: failed(ID, "signing_key is not an uncompressed public key of 128 or 130 hex digits") };
  if (!isOnSecp256k1(key)) return { finding: failed(ID, "signing_key is not a point of secp256k1") };
  const address = addressOf(key);
  const derived = `0x${toHex(address)}`;
  const stated = evidence.signingAddress;
  if (stated !== undefined && withPrefix(stated.toLowerCase()) !== derived) {
    return {
      finding: failed(ID, `signing_key has address ${derived}, and the answer states another`, {
        expected: derived,
        actual: stated.slice(0, 64),
      }),
    };
  }
  return { finding: passed(ID, `signing_key has address ${derived}`), key, address };
}

function withPrefix(address: string): string {
  return address.startsWith("0x") ? address : `0x${address}`;
}

/** y² = x³ + 7 over the field of secp256k1. The key is public, so variable time is fine. */
function isOnSecp256k1(key: Uint8Array): boolean {
  const x = BigInt(`0x${toHex(key.subarray(1, 33))}`);
  const y = BigInt(`0x${toHex(key.subarray(33))}`);
  if (x >= FIELD_PRIME || y >= FIELD_PRIME) return false;
  return (y * y - x * x * x - 7n) % FIELD_PRIME === 0n;
}
