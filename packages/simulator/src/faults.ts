import type { BootFaults } from "./faults/boot-faults.ts";
import type { CertificateFaults } from "./faults/certificate-faults.ts";
import type { CollateralFaults } from "./faults/collateral-faults.ts";
import type { GpuFaults } from "./faults/gpu-faults.ts";
import type { QuoteFaults } from "./faults/quote-faults.ts";
import type { RevocationFaults } from "./faults/revocation-faults.ts";

/**
 * What a test may break, one link each. All else stays real, so that exactly one check of a verifier has to notice.
 * None of these can be reached from a configuration file or the environment.
 */
export interface SimulatorFaults extends QuoteFaults, CertificateFaults, RevocationFaults, CollateralFaults, BootFaults, GpuFaults {}
