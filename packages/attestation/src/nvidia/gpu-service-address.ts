import { checkUrl } from "../collateral/service-address.ts";

/** NVIDIA's services. */
export const NVIDIA_RIM_URL = "https://rim.attestation.nvidia.com";
export const NVIDIA_OCSP_URL = "https://ocsp.ndis.nvidia.com";
export const NVIDIA_NRAS_URL = "https://nras.attestation.nvidia.com";

/** Base URLs from configuration, never from evidence or certificates; NVIDIA's own where left out. */
export interface GpuServiceUrls {
  readonly rimUrl?: string;
  readonly ocspUrl?: string;
  readonly nrasUrl?: string;
}

/** Where to ask for each piece. */
export interface GpuServiceAddresses {
  rim(id: string): string;
  readonly ocsp: string;
  readonly attest: string;
  readonly keySet: string;
}

/**
 * Lays out the addresses of NVIDIA's services, or of others that serve the same.
 * @param nrasVersion the version of the attestation call
 * @throws CollateralError (`collateral_settings`); plain http is for loopback hosts, unless it is allowed by name
 */
export function gpuServiceAddresses(urls: GpuServiceUrls, nrasVersion: "v3" | "v4", allowInsecureHttp: boolean): GpuServiceAddresses {
  const base = (field: keyof GpuServiceUrls, fallback: string) => {
    const { origin, pathname } = checkUrl(field, urls[field] ?? fallback, allowInsecureHttp, fallback);
    return `${origin}${pathname}`.replace(/\/+$/, "");
  };
  const rim = base("rimUrl", NVIDIA_RIM_URL).replace(/\/v1\/rim$/, "");
  const nras = base("nrasUrl", NVIDIA_NRAS_URL);
  return {
    rim: (id) => `${rim}/v1/rim/${encodeURIComponent(id)}`,
    ocsp: `${base("ocspUrl", NVIDIA_OCSP_URL)}/`,
    attest: `${nras}/${nrasVersion}/attest/gpu`,
    keySet: `${nras}/.well-known/jwks.json`,
  };
}
