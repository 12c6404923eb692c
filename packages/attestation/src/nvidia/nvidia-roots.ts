import { equalBytes, parseBase64 } from "@bauta/protocol";
import { type Certificate, CertificateError, MAX_CERTIFICATE_BYTES } from "../x509/x509.ts";
import { parseP384Certificate } from "./p384-certificate.ts";

/** More named roots than anyone needs are a mistake. */
const MAX_TRUST_ROOTS = 16;

/** Valid for good; SHA-256 102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48. */
const DEVICE_IDENTITY_CA = [
  "MIICCzCCAZCgAwIBAgIQLTZwscoQBBHB/sDoKgZbVDAKBggqhkjOPQQDAzA1MSIwIAYDVQQDDBlOVklESUEgRGV2aWNlIElkZW50aXR5",
  "IENBMQ8wDQYDVQQKDAZOVklESUEwIBcNMjExMTA1MDAwMDAwWhgPOTk5OTEyMzEyMzU5NTlaMDUxIjAgBgNVBAMMGU5WSURJQSBEZXZp",
  "Y2UgSWRlbnRpdHkgQ0ExDzANBgNVBAoMBk5WSURJQTB2MBAGByqGSM49AgEGBSuBBAAiA2IABA5MFKM7+KViZljbQSlgfky/RRnEQScW",
  "9NDZF8SXgAW96r6u/Ve8ZggtcYpPi2BS4VFu6KfEIrhN6FcHG7WP05W+oM+hxj7nyA1r1jkB2Ry70YfThX3Ba1zOryOP+MJ9vaNjMGEw",
  "DwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFFeF/4PyY8xlfWi3Olv0jUrL+0lfMB8GA1UdIwQYMBaAFFeF",
  "/4PyY8xlfWi3Olv0jUrL+0lfMAoGCCqGSM49BAMDA2kAMGYCMQCPeFM3TASsKQVaT+8S0sO9u97PVGCpE9d/I42IT7k3UUOLSR/qvJyn",
  "VOD1vQKVXf0CMQC+EY55WYoDBvs2wPAH1Gw4LbcwUN8QCff8bFmV4ZxjCRr4WXTLFHBKjbfneGSBWwA=",
].join("");

/** Valid until March 2053; SHA-256 12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1. */
const RIM_SIGNING_ROOT_CA = [
  "MIICKTCCAbCgAwIBAgIQRdrjoA5QN73fh1N17LXicDAKBggqhkjOPQQDAzBFMQswCQYDVQQGEwJVUzEPMA0GA1UECgwGTlZJRElBMSUw",
  "IwYDVQQDDBxOVklESUEgQ29SSU0gc2lnbmluZyBSb290IENBMCAXDTIzMDMxNjE1MzczNFoYDzIwNTMwMzA4MTUzNzM0WjBFMQswCQYD",
  "VQQGEwJVUzEPMA0GA1UECgwGTlZJRElBMSUwIwYDVQQDDBxOVklESUEgQ29SSU0gc2lnbmluZyBSb290IENBMHYwEAYHKoZIzj0CAQYF",
  "K4EEACIDYgAEuECyi9vNM+Iw2lfUzyBldHAwaC1HF7TCgp12QcEyUTm3Tagxwr48d55+K2VIlWYIDk7NlAIQdcV/Ff7euGLI+Qauj93H",
  "sSI4WX298PpW54RTgz9tC+Q684caR/BXWEeZo2MwYTAdBgNVHQ4EFgQUpaXrOPK4ZDAk08DBskn594zeZjAwHwYDVR0jBBgwFoAUpaXr",
  "OPK4ZDAk08DBskn594zeZjAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0EAwMDZwAwZAIwHGDyscDP6ihH",
  "qRvZlI3eqZ4YkvjE1duaN84tAHRVgxVMvNrp5Tnom3idHYGW/dskAjATvjIx6VzHm/4e2GiZAyZEIUBDOKPzp5ei/A0iUZpdvngenDwV",
  "8Qa/wGdiTmJ7Bp4=",
].join("");

/** NVIDIA's pinned roots, and the simulators that the caller named. */
export interface GpuTrustRoots {
  /** "NVIDIA Device Identity CA": of GPUs and switches. */
  readonly device: Certificate;
  /** "NVIDIA CoRIM signing Root CA": of reference manifests. */
  readonly rim: Certificate;
  /** Trusted for devices and for manifests alike; what rests on one is simulated. */
  readonly named: readonly Certificate[];
}

let pinned: { readonly device: Certificate; readonly rim: Certificate } | undefined;

/**
 * Reads the roots that a caller trusts beside NVIDIA's.
 * @param named DER certificates on P-384
 * @throws CertificateError when one is not: the caller's configuration is at fault, not the evidence
 */
export function parseGpuTrustRoots(named: readonly Uint8Array[] = []): GpuTrustRoots {
  if (named.length > MAX_TRUST_ROOTS) throw new CertificateError(`GPU trust roots: ${named.length} are more than ${MAX_TRUST_ROOTS}`);
  pinned ??= { device: readPinned(DEVICE_IDENTITY_CA), rim: readPinned(RIM_SIGNING_ROOT_CA) };
  const { device, rim } = pinned;
  const parsed = named.map((der, index) => {
    try {
      return parseP384Certificate(der);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : "unreadable";
      throw new CertificateError(`GPU trust root ${index}: ${why}; name a root as the DER of its certificate`, { cause });
    }
  });
  // Naming NVIDIA's own roots must neither make a genuine device look simulated, nor let one stand in for the other.
  return { device, rim, named: parsed.filter(({ der }) => ![device, rim].some((root) => equalBytes(root.der, der))) };
}

function readPinned(base64: string): Certificate {
  const der = parseBase64(base64, MAX_CERTIFICATE_BYTES);
  if (!der) throw new Error("an embedded NVIDIA root is not base64");
  return parseP384Certificate(der);
}
