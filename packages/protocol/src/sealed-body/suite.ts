import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256, NotSupportedError } from "hpke";
import type { CryptoBackend } from "../backend.ts";
import { utf8 } from "../bytes.ts";

const INFO = utf8("ehbp request");
const EXPORT_CONTEXT = utf8("ehbp response");
const EXPORT_BYTES = 32;

/** HPKE over what the backend has for it, else over the runtime's own WebCrypto, which must have X25519. */
export async function createSuite(backend: CryptoBackend): Promise<CipherSuite> {
  if (!backend.loadHpke) return new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
  const { kem, kdf, aead } = await backend.loadHpke();
  return new CipherSuite(kem, kdf, aead);
}

/** The runtime's WebCrypto lacks what the suite needs. */
export function isUnsupported(error: unknown): boolean {
  return error instanceof NotSupportedError;
}

/** What HPKE's key schedule is told, so that no other protocol's messages can be taken for ours. */
export const SETUP_OPTIONS = { info: INFO } as const;

/** The secret that an answer's keys come from: 32 bytes that only the two ends of this request can have. */
export async function exportResponseSecret(context: {
  Export(exporterContext: Uint8Array, length: number): Promise<Uint8Array>;
}): Promise<Uint8Array> {
  return await context.Export(EXPORT_CONTEXT, EXPORT_BYTES);
}
