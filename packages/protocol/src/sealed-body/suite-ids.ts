/** The one suite of sealed bodies: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. @see RFC 9180 §7 */
export const SUITE_IDS = { kem: 0x0020, kdf: 0x0001, aead: 0x0002 } as const;

/** An X25519 public key, and so an encapsulated key. */
export const KEM_KEY_BYTES = 32;

/** AES-GCM's tag behind each frame's ciphertext. */
export const TAG_BYTES = 16;
