import { type GpuTrustRoots, parseGpuTrustRoots } from "./nvidia/nvidia-roots.ts";
import { parseTrustRoots, type TrustRoots } from "./tdx/trust-roots.ts";

/** The roots of all that is appraised: the vendors' own, and those that the caller named. */
export interface SortedTrustRoots {
  /** On P-256: roots that a machine's PCK chain may end in. */
  readonly platform: TrustRoots;
  /** On P-384: roots of GPUs, of their manifests and of NVIDIA's service. */
  readonly gpu: GpuTrustRoots;
}

/** The object identifier of secp384r1, as an AlgorithmIdentifier's parameters hold it. */
const P384 = Uint8Array.of(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22);

/**
 * Sorts the roots that a caller trusts beside Intel's and NVIDIA's by what they can be a root of: their key's curve says
 * it. What a root turns out not to fit is refused where it is read, so a wrong guess here lets nothing in.
 * @param named DER certificates
 * @throws CertificateError when one is not a certificate, or there are too many: the caller's configuration is at fault
 */
export function sortTrustRoots(named: readonly Uint8Array[]): SortedTrustRoots {
  const isGpus = named.map((der) => holds(der, P384));
  return {
    platform: parseTrustRoots(named.filter((_, index) => !isGpus[index])),
    gpu: parseGpuTrustRoots(named.filter((_, index) => isGpus[index])),
  };
}

function holds(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let at = 0; at + part.length <= bytes.length; at++) {
    if (part.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}
