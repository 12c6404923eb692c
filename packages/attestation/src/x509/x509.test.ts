import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { intelSgxRootCa } from "../tdx/intel-root.ts";
import { parseSgxExtension } from "../tdx/sgx-extension.ts";
import { CertificateError, KEY_USAGE, MAX_CERTIFICATE_BYTES, parseCertificate } from "./x509.ts";

describe("parseCertificate", () => {
  it("reads Intel's root", async () => {
    const root = parseCertificate(intelSgxRootCa());
    expect(root).toMatchObject({
      commonName: "Intel SGX Root CA",
      serial: "22650cd65a9d3489f383b49552bf501b392706ac",
      isCa: true,
      pathLength: 1,
      keyUsage: KEY_USAGE.certificateSign | KEY_USAGE.crlSign,
      notBeforeMs: Date.parse("2018-05-21T10:45:10Z"),
      notAfterMs: Date.parse("2049-12-31T23:59:59Z"),
    });
    expect(root.issuer).toEqual(root.subject);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", intelSgxRootCa()));
    expect(Buffer.from(digest).toString("hex")).toBe("44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3");
  });

  it("hands out a copy of the root that nobody else shares", () => {
    intelSgxRootCa().fill(0);
    expect(parseCertificate(intelSgxRootCa()).commonName).toBe("Intel SGX Root CA");
  });

  it("has no SGX extension to read in a root", () => {
    expect(() => parseSgxExtension(parseCertificate(intelSgxRootCa()))).toThrow("SGX extension: is missing");
  });

  it("refuses a certificate cut at any byte, or with a byte more", () => {
    const der = intelSgxRootCa();
    for (let length = 0; length < der.length; length++) expect(() => parseCertificate(der.subarray(0, length))).toThrow(CertificateError);
    expect(() => parseCertificate(Uint8Array.of(...der, 0))).toThrow(CertificateError);
  });

  it("refuses what is too large before reading it", () => {
    expect(() => parseCertificate(new Uint8Array(MAX_CERTIFICATE_BYTES + 1))).toThrow("more than 8192 bytes");
  });

  it("throws nothing but CertificateError, however a certificate is changed", () => {
    const der = intelSgxRootCa();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const changed = Uint8Array.from(der);
        for (const [offset, value] of changes) changed[offset] = value;
        try {
          parseSgxExtension(parseCertificate(changed));
        } catch (error) {
          expect(error).toBeInstanceOf(CertificateError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
