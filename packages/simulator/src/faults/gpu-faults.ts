import type { GpuCertificateFaults } from "./gpu-certificate-faults.ts";
import type { GpuEvidenceFaults } from "./gpu-evidence-faults.ts";
import type { NrasFaults } from "./nras-faults.ts";
import type { OcspFaults } from "./ocsp-faults.ts";
import type { RimFaults } from "./rim-faults.ts";

/** Faults of GPUs: of their evidence and certificates, of RIMs, of OCSP and of NRAS. */
export interface GpuFaults extends GpuEvidenceFaults, GpuCertificateFaults, RimFaults, OcspFaults, NrasFaults {}
