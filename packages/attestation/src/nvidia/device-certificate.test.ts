import { toHex } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { compositeDeviceId, FWID, mintCertificate, mintKey, tcbInfo } from "../testing/minted-gpus.ts";
import { CertificateError } from "../x509/x509.ts";
import { writeElement } from "./der-writer.ts";
import { readCertifiedFirmware, readDeviceNames } from "./device-certificate.ts";
import { parseP384Certificate } from "./p384-certificate.ts";

const key = await mintKey();

async function firmwareOf(...extensions: readonly Uint8Array[]) {
  const { der } = await mintCertificate({ name: "GH100 A01 GSP FMC LF", ca: false, key, extensions });
  return readCertifiedFirmware(parseP384Certificate(der));
}

describe("readCertifiedFirmware", () => {
  it("reads Hopper's form and Blackwell's", async () => {
    expect(await firmwareOf(compositeDeviceId(key.point))).toEqual({ fwids: [FWID], debug: false });
    const other = new Uint8Array(48).fill(2);
    expect(await firmwareOf(tcbInfo(0x80, FWID, other, new Uint8Array(48)))).toEqual({ fwids: [FWID, other], debug: false });
  });

  it("sees that a device was started with debugging on", async () => {
    expect((await firmwareOf(tcbInfo(0x10, FWID))).debug).toBe(true);
  });

  it.each([
    ["neither form", []],
    ["both forms", [compositeDeviceId(key.point), tcbInfo(0, FWID)]],
    ["no firmware", [tcbInfo(0)]],
    ["unused places alone", [tcbInfo(0, new Uint8Array(48))]],
    ["a shorter digest", [compositeDeviceId(key.point, FWID.subarray(1))]],
    ["nine digests", [tcbInfo(0, ...Array.from({ length: 9 }, () => FWID))]],
  ])("refuses %s", async (_, extensions) => {
    await expect(firmwareOf(...extensions)).rejects.toThrow(CertificateError);
    await expect(firmwareOf(...extensions)).rejects.toThrow("DICE extension: ");
  });

  it("refuses nested rubbish", async () => {
    const { der } = await mintCertificate({ name: "x", key });
    const certificate = parseP384Certificate(der);
    for (const value of [new Uint8Array(), Uint8Array.of(0x30), writeElement(0x30, writeElement(0x30)), new Uint8Array(5000).fill(0x30)]) {
      for (const oid of ["678105050401", "67810505040101"])
        expect(() => readCertifiedFirmware({ ...certificate, extensions: new Map([[oid, new Uint8Array(value)]]) }), toHex(value)).toThrow(
          CertificateError,
        );
    }
  });
});

describe("readDeviceNames", () => {
  const names = (chip: string, processor = "GSP") => [
    `${chip} A01 ${processor} FMC LF`,
    `${chip} A01 ${processor} BROM`,
    `NVIDIA ${chip} Provisioner ICA 1`,
    "NVIDIA GH100 Identity",
    "NVIDIA Device Identity CA",
  ];

  it("knows Hopper, Blackwell and their switches", () => {
    expect(readDeviceNames(names("GH100"))).toEqual({ chip: "GH100", architecture: "hopper", model: "GH100 A01 GSP BROM" });
    expect(readDeviceNames(names("GB100"))).toMatchObject({ architecture: "blackwell" });
    expect(readDeviceNames(names("LS_10", "FSP"))).toMatchObject({ architecture: "switch", model: "LS_10 A01 FSP BROM" });
  });

  it.each([
    [0, "GA100 A01 GSP FMC LF", "first"],
    [0, "GH100 A01 GSP BROM", "first"],
    [0, "GH100 A01 GSP FMC LF\n", "first"],
    [1, "GH100 A02 GSP BROM", "second"],
    [1, "GB100 A01 GSP BROM", "second"],
    [2, "NVIDIA GB100 Provisioner ICA 1", "third"],
    [2, "NVIDIA GH100 Identity", "third"],
    [3, "NVIDIA Device Identity CA", "fourth"],
  ])("refuses name %i as %j", (at, name, which) => {
    expect(readDeviceNames(names("GH100").with(at, name))).toContain(`the ${which} certificate is by its name`);
  });
});
