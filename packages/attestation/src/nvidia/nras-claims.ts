import { type Claims, isObject } from "./json-web-token.ts";

/** Versions of NRAS's claims: version 3 of the service gives 2.0, and version 4 gives 3.0. */
export type NrasClaimsVersion = "2.0" | "3.0";

/** What NRAS says of one GPU. */
export interface NrasGpu {
  /** Its place in the evidence: `GPU-0`. */
  readonly name: string;
  /** `GH100`, or longer. */
  readonly model: string;
  readonly driver: string;
  readonly vbios: string;
  /** Serial number of the device's certificate, hex without leading zeros: to be compared with the evidence. */
  readonly serial: string;
  /** What NVIDIA has to add, for one a certificate on hold. */
  readonly warning?: string;
}

/** What version 2.0 says by one claim for the chain of certificates, 3.0 says by an object, and more. */
const COMMON = [
  "x-nvidia-gpu-arch-check",
  "x-nvidia-gpu-attestation-report-parsed",
  "x-nvidia-gpu-attestation-report-nonce-match",
  "x-nvidia-gpu-attestation-report-signature-verified",
  "x-nvidia-gpu-driver-rim-fetched",
  "x-nvidia-gpu-driver-rim-schema-validated",
  "x-nvidia-gpu-driver-rim-signature-verified",
  "x-nvidia-gpu-driver-rim-measurements-available",
  "x-nvidia-gpu-vbios-rim-fetched",
  "x-nvidia-gpu-vbios-rim-schema-validated",
  "x-nvidia-gpu-vbios-rim-signature-verified",
  "x-nvidia-gpu-vbios-rim-measurements-available",
  "x-nvidia-gpu-vbios-index-no-conflict",
];
const REQUIRED: Readonly<Record<NrasClaimsVersion, readonly string[]>> = {
  "2.0": [
    ...COMMON,
    "x-nvidia-gpu-attestation-report-cert-chain-validated",
    "x-nvidia-gpu-driver-rim-cert-validated",
    "x-nvidia-gpu-vbios-rim-cert-validated",
  ],
  "3.0": [
    ...COMMON,
    "x-nvidia-gpu-attestation-report-cert-chain-fwid-match",
    "x-nvidia-gpu-driver-rim-version-match",
    "x-nvidia-gpu-vbios-rim-version-match",
  ],
};
const CHAINS: Readonly<Record<NrasClaimsVersion, readonly string[]>> = {
  "2.0": [],
  "3.0": ["x-nvidia-gpu-attestation-report-cert-chain", "x-nvidia-gpu-driver-rim-cert-chain", "x-nvidia-gpu-vbios-rim-cert-chain"],
};

/** Serial numbers have up to 20 bytes, which are 49 digits. */
const UEID = /^\d{1,49}$/;
const MAX_TEXT_CHARACTERS = 96;

export function asClaimsVersion(value: unknown): NrasClaimsVersion | undefined {
  return value === "2.0" || value === "3.0" ? value : undefined;
}

/** Reads what NRAS says of a GPU; what is not a printable text comes out empty. */
export function readNrasGpu(name: string, claims: Claims): NrasGpu {
  const warning = printable(claims["x-nvidia-attestation-warning"]);
  return {
    name,
    model: printable(claims["hwmodel"]),
    driver: printable(claims["x-nvidia-gpu-driver-version"]),
    vbios: printable(claims["x-nvidia-gpu-vbios-version"]),
    serial: readSerial(claims["ueid"]),
    ...(warning && { warning }),
  };
}

/**
 * What NRAS has against a GPU, as clauses; every claim that NVIDIA's own policy demands has to be there.
 * @see NVIDIA nvtrust, NVGPURemotePolicy v3 and v4
 */
export function gpuClaimFaults(name: string, claims: Claims, version: NrasClaimsVersion): string[] {
  const against = [
    ...REQUIRED[version].filter((claim) => claims[claim] !== true),
    ...CHAINS[version].filter((claim) => !isGoodChain(claims[claim])),
    ...(claims["measres"] === "success" ? [] : ["measres"]),
    ...(claims["secboot"] === true ? [] : ["secboot"]),
    ...(claims["dbgstat"] === "disabled" ? [] : ["dbgstat"]),
    ...((claims["x-nvidia-error-details"] ?? null) === null ? [] : ["x-nvidia-error-details"]),
    ...(readSerial(claims["ueid"]) ? [] : ["ueid"]),
  ];
  return against.length > 0 ? [`NRAS does not vouch for ${name}: ${against.join(", ")}`] : [];
}

function isGoodChain(value: unknown): boolean {
  return isObject(value) && value["x-nvidia-cert-status"] === "valid" && value["x-nvidia-cert-ocsp-status"] === "good";
}

function readSerial(ueid: unknown): string {
  const hex = typeof ueid === "string" && UEID.test(ueid) ? BigInt(ueid).toString(16) : "";
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}

function printable(value: unknown): string {
  return typeof value === "string" && /^[\x20-\x7e]*$/.test(value) ? value.slice(0, MAX_TEXT_CHARACTERS) : "";
}
