/** What speaks for GPUs beside their own evidence; nothing in it has been verified. */
export interface GpuEndorsements {
  /** Reference integrity manifests, XML. */
  readonly rims: readonly string[];
  /** OCSP answers, DER. */
  readonly ocsp: readonly Uint8Array[];
  /** The answer of NVIDIA's Remote Attestation Service and the key set to verify it with, both as parsed JSON. */
  readonly nras?: { readonly token: unknown; readonly jwks: unknown };
}

/** One piece as a store keeps it. Until when it holds is found again whenever it is loaded. */
export interface StoredGpuPiece {
  /** XML of a manifest, base64 of an OCSP answer, or JSON of a key set. */
  readonly text: string;
  /** When it was fetched, milliseconds since 1970. */
  readonly fetchedMs: number;
}

/** Keeps pieces between fetches. It need not be trusted with anything but being there: each is verified whenever it is used. */
export interface GpuEndorsementStore {
  /** @returns undefined when there is none, also when what is there cannot be read */
  get(key: string): Promise<StoredGpuPiece | undefined>;
  /** @param key letters, digits and `_.:/-`, at most 200 characters */
  put(key: string, piece: StoredGpuPiece): Promise<void>;
}

/** A store in memory; the entry used longest ago makes room for a new one. */
export function createGpuMemoryStore(maxEntries = 256): GpuEndorsementStore {
  const entries = new Map<string, StoredGpuPiece>();
  const touch = (key: string, piece: StoredGpuPiece) => {
    entries.delete(key);
    entries.set(key, piece);
    const [oldest] = entries.keys();
    if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
  };
  return {
    async get(key) {
      const piece = entries.get(key);
      if (piece) touch(key, piece);
      return piece;
    },
    async put(key, piece) {
      touch(key, piece);
    },
  };
}
