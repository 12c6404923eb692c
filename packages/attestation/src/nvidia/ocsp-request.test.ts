import { equalBytes } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { openssl } from "../testing/openssl-ocsp.ts";
import { writeElement } from "./der-writer.ts";
import { createOcspRequest } from "./ocsp-request.ts";
import { parseP384Certificate } from "./p384-certificate.ts";

const subject = { cert: parseP384Certificate(openssl("leaf")), issuer: parseP384Certificate(openssl("ca")) };

describe("an OCSP request", () => {
  it("is byte for byte what OpenSSL writes, with a serial number that needs a sign byte", async () => {
    expect(await createOcspRequest(subject)).toEqual(openssl("request"));
  });

  it("is byte for byte what OpenSSL writes, with its nonce", async () => {
    const expected = openssl("requestWithNonce");
    expect(await createOcspRequest(subject, expected.slice(-16))).toEqual(expected);
  });

  it("differs for another nonce, and refuses a serial number that is none", async () => {
    const [a, b] = await Promise.all([1, 2].map((byte) => createOcspRequest(subject, new Uint8Array(32).fill(byte))));
    expect(a && b && equalBytes(a, b)).toBe(false);
    await expect(createOcspRequest({ ...subject, cert: { serial: "xy" } })).rejects.toThrow("serial number");
  });

  it("writes lengths in their shortest form, and no element beyond 65,535 bytes", () => {
    expect([...writeElement(0x04, new Uint8Array(0x7f)).subarray(0, 2)]).toEqual([0x04, 0x7f]);
    expect([...writeElement(0x04, new Uint8Array(0x80)).subarray(0, 3)]).toEqual([0x04, 0x81, 0x80]);
    expect([...writeElement(0x04, new Uint8Array(0x100)).subarray(0, 4)]).toEqual([0x04, 0x82, 0x01, 0x00]);
    expect(() => writeElement(0x04, new Uint8Array(0x1_00_00))).toThrow(RangeError);
  });
});
