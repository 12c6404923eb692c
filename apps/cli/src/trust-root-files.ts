import { parsePemCertificates, sortTrustRoots } from "@bauta/attestation";
import { CommandError, EXIT } from "./exit.ts";
import { readInputFile } from "./input-file.ts";

const MAX_ROOT_BYTES = 1024 * 1024;

/**
 * Reads the roots that a person trusts beside Intel's and NVIDIA's: files of one certificate in DER, or any number in PEM.
 * @returns each as DER
 * @throws {CommandError} naming the file; status 2
 */
export async function readTrustRoots(files: readonly string[]): Promise<Uint8Array[]> {
  return (await Promise.all(files.map(readRoots))).flat();
}

async function readRoots(file: string): Promise<Uint8Array[]> {
  const bytes = await readInputFile(file, MAX_ROOT_BYTES);
  try {
    const roots = bytes.includes("-----BEGIN") ? parsePemCertificates(bytes.toString("latin1")) : [new Uint8Array(bytes)];
    if (roots.length === 0) throw new CommandError("no certificate in it");
    sortTrustRoots(roots);
    return roots;
  } catch (error) {
    throw new CommandError(`${file}: not a certificate: ${error instanceof Error ? error.message : "unreadable"}`, EXIT.usage, error);
  }
}
