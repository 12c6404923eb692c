import type { GpuEndorsementStore, StoredGpuPiece } from "@bauta/attestation";
import { createEntryDirectory } from "./entry-directory.ts";

/** The largest kind is a manifest, which has at most 256 KiB; JSON may escape each of its characters. */
const MAX_PIECE_BYTES = 2 * 1024 * 1024;
/** Four certificates of each of eight GPUs, manifests and their signers, for several machines. */
const MAX_PIECES = 256;

export interface GpuDirectoryOptions {
  /** Told what is passed over: a damaged file with its path. */
  readonly onWarning?: (warning: string) => void;
}

/**
 * Keeps what NVIDIA says about GPUs in a folder: manifests, OCSP answers, key sets. For this process and others at once;
 * those used longest ago make room for new ones.
 */
export function createGpuDirectory(path: string, { onWarning = () => {} }: GpuDirectoryOptions = {}): GpuEndorsementStore {
  return createEntryDirectory(path, { maxBytes: MAX_PIECE_BYTES, maxEntries: MAX_PIECES, read: readPiece, onWarning });
}

function readPiece({ text, fetchedMs }: Readonly<Record<string, unknown>>): StoredGpuPiece | undefined {
  return typeof text === "string" && typeof fetchedMs === "number" && Number.isFinite(fetchedMs) ? { text, fetchedMs } : undefined;
}
