import { describe, expect, it } from "vitest";
import { mintCertificate as mintGpuRoot } from "./testing/minted-gpus.ts";
import { intelSgxRootCa } from "./tdx/intel-root.ts";
import { sortTrustRoots } from "./trust-roots.ts";
import { CertificateError } from "./x509/x509.ts";

/** OpenSSL's, self-signed on P-256 until 2036: `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 …`. */
const P256_ROOT = Uint8Array.from(
  atob(
    [
      "MIIBrjCCAVWgAwIBAgIUX/yfbQteuea1ERwqUDphXBTezG4wCgYIKoZIzj0EAwIwJTETMBEGA1UEAwwKUC0yNTYgcm9vdDEOMAwGA1UECgwFdG",
      "VzdHMwHhcNMjYxMTIwMTYyODIxWhcNMzYxMTE3MTYyODIxWjAlMRMwEQYDVQQDDApQLTI1NiByb290MQ4wDAYDVQQKDAV0ZXN0czBZMBMGByqG",
      "SM49AgEGCCqGSM49AwEHA0IABGTLGHx/1kKhUgPK2AU2WOl989uUTk4fBst11UHMJLF8O/r5KoPVbhOSKDATXHHjadVY/cJRgZTR1NihdcRlK3",
      "ujYzBhMB0GA1UdDgQWBBSwE64BEnH339ftlil2YIQLjZFpTTAfBgNVHSMEGDAWgBSwE64BEnH339ftlil2YIQLjZFpTTAPBgNVHRMBAf8EBTAD",
      "AQH/MA4GA1UdDwEB/wQEAwIBBjAKBggqhkjOPQQDAgNHADBEAiAPb14n6Fne7bzc7+SUew/Tmu/sAJHJpo7ZKJeyGPJGpQIgb54Te8cxWzdpE4",
      "LO5YCIMuxcptzYCxqs8KdJ6POhINg=",
    ].join(""),
  ),
  (character) => character.charCodeAt(0),
);
const P384_IDENTIFIER = Uint8Array.of(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22);

describe("named roots", () => {
  it("are sorted by the curve of their keys, each in its order", async () => {
    const [first, second] = [await mintGpuRoot({ name: "first" }), await mintGpuRoot({ name: "second" })];
    const { platform, gpu } = sortTrustRoots([first.der, P256_ROOT, second.der]);
    expect(platform.named.map(({ commonName }) => commonName)).toEqual(["P-256 root"]);
    expect(gpu.named.map(({ commonName }) => commonName)).toEqual(["first", "second"]);
  });

  it("leave the vendors' own where they are, also when they are named", () => {
    const { platform, gpu } = sortTrustRoots([]);
    const all = sortTrustRoots([intelSgxRootCa(), gpu.device.der, gpu.rim.der]);
    expect(all).toEqual({ platform, gpu });
    expect([platform.named, gpu.named]).toEqual([[], []]);
    expect([platform.intel.commonName, gpu.device.commonName, gpu.rim.commonName]).toEqual([
      "Intel SGX Root CA",
      "NVIDIA Device Identity CA",
      "NVIDIA CoRIM signing Root CA",
    ]);
  });

  it("that are no certificates are refused, whatever they look like", async () => {
    const { der } = await mintGpuRoot({ name: "cut" });
    for (const bad of [new Uint8Array(), Uint8Array.of(0x30, 0), P384_IDENTIFIER, der.subarray(0, -1), P256_ROOT.subarray(0, -1)])
      expect(() => sortTrustRoots([bad])).toThrow(CertificateError);
  });

  it("on another curve than it looks are refused, and not trusted for the other purpose", () => {
    // A root on P-256 whose name holds the bytes by which P-384 is told.
    const text = P256_ROOT.map((byte) => byte);
    const at = text.findIndex((_, index) => String.fromCharCode(...text.subarray(index, index + 7)) === "P-256 r");
    text.set(P384_IDENTIFIER, at);
    expect(() => sortTrustRoots([text])).toThrow(CertificateError);
  });

  it("are not more than sixteen of a kind", async () => {
    const { der } = await mintGpuRoot({ name: "many" });
    expect(() => sortTrustRoots(Array.from({ length: 17 }, () => der))).toThrow("17 are more than 16");
    expect(() => sortTrustRoots(Array.from({ length: 17 }, () => P256_ROOT))).toThrow("17 are more than 16");
    expect(sortTrustRoots([...Array.from({ length: 16 }, () => der), P256_ROOT]).platform.named).toHaveLength(1);
  });
});
