import { orFault } from "../x509/issued.ts";
import { parsePemCertificates, PemError } from "../x509/pem.ts";
import { type Certificate, CertificateError } from "../x509/x509.ts";
import { readDeviceNames } from "./device-certificate.ts";
import type { GpuEndorsementNeed } from "./fetch-gpu-endorsements.ts";
import { type DeviceEvidence, GpuEvidenceError, parseGpuPayload } from "./gpu-evidence.ts";
import { parseMeasurementReport } from "./measurement-report.ts";
import type { GpuTrustRoots } from "./nvidia-roots.ts";
import { parseP384Certificate } from "./p384-certificate.ts";
import { type DeviceVersions, readDeviceVersions, rimIds } from "./rim-identifier.ts";
import type { Rim } from "./rim-measurements.ts";

/**
 * Reads from GPU evidence what has to be fetched to judge it: manifests of its GPUs, and the status of all devices'
 * certificates. Unverified: it only says what to ask for. What cannot be read is left out.
 * @param json the text of `nvidia_payload`
 * @param secondOpinion the nonce that the GPUs signed, where NVIDIA's service is to be asked as well
 * @param hasRim whether a manifest for one of a device's versions is at hand, and need not be asked for
 * @returns undefined when the payload cannot be read
 */
export function gpuEndorsementNeed(
  json: string,
  { rim, named }: GpuTrustRoots,
  secondOpinion?: Uint8Array,
  hasRim: HasRim = () => false,
): GpuEndorsementNeed | undefined {
  const payload = orFault(GpuEvidenceError, () => parseGpuPayload(json));
  if (typeof payload === "string") return undefined;
  const { gpus, switches } = payload;
  const read = gpus.map((gpu) => readDevice(gpu, hasRim));
  return {
    rimIds: [...new Set(read.flatMap(({ ids }) => ids))],
    paths: [...read, ...switches.map((each) => readDevice(each, hasRim))].map(({ path }) => path),
    rimRoots: [rim, ...named],
    ...(secondOpinion && { nras: { gpus, nonce: secondOpinion } }),
  };
}

/** Says whether there is a manifest for what a device runs. */
export type HasRim = (kind: Rim["kind"], versions: DeviceVersions) => boolean;

function readDevice(
  { certificateChain, report }: DeviceEvidence,
  hasRim: HasRim,
): { readonly ids: string[]; readonly path: readonly Certificate[] } {
  const certificates = orFault(CertificateError, () =>
    orFault(PemError, () => parsePemCertificates(certificateChain).map(parseP384Certificate)),
  );
  const read = orFault(GpuEvidenceError, () => parseMeasurementReport(report));
  if (typeof certificates === "string") return { ids: [], path: [] };
  const names = readDeviceNames(certificates.map(({ commonName }) => commonName));
  const versions = typeof names === "string" || typeof read === "string" ? undefined : readDeviceVersions(read.opaque, names.architecture);
  const named = versions ? rimIds(versions) : {};
  const ids = (["driver", "vbios"] as const).flatMap((kind) => (versions && !hasRim(kind, versions) ? (named[kind] ?? []) : []));
  // NVIDIA's responder has nothing to say of the certificate that a device makes itself.
  return { ids, path: certificates.slice(1) };
}
