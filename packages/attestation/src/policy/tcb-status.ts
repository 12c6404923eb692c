/**
 * What Intel's collateral can say of a platform.
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "tcbStatus"
 */
export const TCB_STATUSES = [
  "UpToDate",
  "SWHardeningNeeded",
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "TDRelaunchAdvised",
  "TDRelaunchAdvisedConfigurationNeeded",
  "OutOfDate",
  "OutOfDateConfigurationNeeded",
  "Revoked",
] as const;
export type TcbStatus = (typeof TCB_STATUSES)[number];

/** All that a policy may accept: a revoked platform's keys are known to others. */
export const ACCEPTABLE_TCB_STATUSES = TCB_STATUSES.filter((status) => status !== "Revoked");
