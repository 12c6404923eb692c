import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { intelSgxRootCa } from "../tdx/intel-root.ts";
import { parsePemCertificates, PemError } from "./pem.ts";

const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(intelSgxRootCa()).toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;

describe("parsePemCertificates", () => {
  it("reads a chain, with or without NULs that quoting enclaves append", () => {
    for (const text of [pem, pem + pem, `${pem}\0`, `${pem}\0\0\0`, pem.replaceAll("\n", "\r\n"), `\n${pem}\n${pem}`]) {
      const certificates = parsePemCertificates(text);
      expect(certificates[0]).toEqual(intelSgxRootCa());
    }
    expect(parsePemCertificates(pem + pem)).toHaveLength(2);
  });

  for (const [what, text] of [
    ["nothing", ""],
    ["white space", "\n\n"],
    ["text before the first certificate", `x${pem}`],
    ["text between certificates", `${pem}x\n${pem}`],
    ["a certificate without an end", pem.replace("-----END CERTIFICATE-----", "")],
    ["another label", pem.replaceAll("CERTIFICATE", "PUBLIC KEY")],
    ["characters outside base64", pem.replace("MII", "M*I")],
    ["an empty certificate", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"],
    ["more certificates than any chain has", pem.repeat(9)],
    ["a text that is too long", `${pem}${" ".repeat(70_000)}`],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => parsePemCertificates(text)).toThrow(PemError);
    });
  }

  it("throws nothing but PemError", () => {
    const part = fc.oneof(fc.string(), fc.constantFrom("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "\n", "MIIB", "\0"));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        try {
          parsePemCertificates(parts.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(PemError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
