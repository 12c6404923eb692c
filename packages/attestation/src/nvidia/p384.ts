/** Keys that were imported before, by the array that holds the key: a certificate's stays the same. */
const imported = new WeakMap<Uint8Array, Promise<CryptoKey | undefined>>();

/**
 * Verifies ECDSA on P-384 with SHA-384. A key is imported once for each array that holds one, which may not change.
 * @param publicKey `04 ‖ x ‖ y`, 97 bytes
 * @param signature r ‖ s, 96 bytes
 * @returns false for a signature that does not verify and for a key that is not a point of the curve
 */
export async function verifyP384(
  publicKey: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  let key = imported.get(publicKey);
  if (!key) {
    key = crypto.subtle.importKey("raw", publicKey, { name: "ECDSA", namedCurve: "P-384" }, false, ["verify"]).catch(() => undefined);
    imported.set(publicKey, key);
  }
  const usable = await key;
  return usable !== undefined && (await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-384" }, usable, signature, message));
}
