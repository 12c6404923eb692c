/** Keys that were imported before, by the array that holds the key: a certificate's stays the same. */
const imported = new WeakMap<Uint8Array, Promise<CryptoKey | undefined>>();

/**
 * Verifies ECDSA on P-256 with SHA-256. A key is imported once for each array that holds one, which may not change.
 * @param publicKey `04 ‖ x ‖ y`, 65 bytes
 * @param signature r ‖ s, 64 bytes
 * @returns false for a signature that does not verify and for a key that is not a point of the curve
 */
export async function verifyP256(
  publicKey: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const key = await importP256(publicKey);
  return key !== undefined && (await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, message));
}

function importP256(publicKey: Uint8Array<ArrayBuffer>): Promise<CryptoKey | undefined> {
  let key = imported.get(publicKey);
  if (!key) {
    key = crypto.subtle.importKey("raw", publicKey, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]).catch(() => undefined);
    imported.set(publicKey, key);
  }
  return key;
}

/** SHA-256 of a byte string. */
export async function sha256(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", message));
}
