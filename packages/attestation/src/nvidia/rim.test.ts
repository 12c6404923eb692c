import { beforeAll, describe, expect, it } from "vitest";
import { bounded } from "../../../../tests/support/bounded.ts";
import { noVectors, readVector, vectorNames } from "../../../../tests/support/vectors.ts";
import { parsePemCertificates } from "../x509/pem.ts";
import { compareMeasurements } from "./compare-measurements.ts";
import { createCertificatePool } from "./certificate-path.ts";
import { type MeasurementReport, parseMeasurementReport } from "./measurement-report.ts";
import { readDecoderStatus } from "./opaque-data.ts";
import { parseGpuTrustRoots } from "./nvidia-roots.ts";
import { verifyRim } from "./rim.ts";
import { isAbout, readDeviceVersions } from "./rim-identifier.ts";

const AT_MS = Date.parse("2025-06-15T00:00:00Z");
const text = (path: string) => new TextDecoder().decode(readVector(`nvidia/${path}`));
const roots = [parseGpuTrustRoots().rim];
const verify = (xml: string, nowMs = AT_MS) => verifyRim(xml, { nowMs, roots });
const verifyFile = (name: string, nowMs?: number) => verify(text(`rims/${name}`), nowMs);

const CONTENTS = "its contents are not those that were signed";
const SIGNATURE = "its signature is not by the key of the certificate that it names";
/** Those that do not verify at that moment, and why. */
const BAD: Readonly<Record<string, readonly string[]>> = {
  "NV_GPU_DRIVER_GH100_535.86.09_measurement_mismatch.xml": [CONTENTS],
  // xmlsec finds the same: who made it changed its contents, too.
  "NV_GPU_DRIVER_GH100_570.124.03_expired.xml": [CONTENTS, '"RIM L4 Signer" was valid only until 2025-01-02T00:00:00.000Z'],
  "NV_SWITCH_BIOS_5612_0002_890_9610550001_invalid_signature.xml": [CONTENTS],
  "NV_SWITCH_BIOS_5612_0002_890_9610550001_measurement_mismatch.xml": [CONTENTS],
  "incorrect_cert_chain_driver_rim.xml": ['its certificates end in "NVIDIA CoRIM L1 Root CA Debug Only", which is no root'],
  "incorrect_signature_driver_rim.xml": [SIGNATURE],
  "switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml": [
    '"NVIDIA Reference Value L4 LS10" is valid only from 2026-05-20T22:02:51.000Z',
  ],
};

describe.skipIf(noVectors)("recorded manifests", () => {
  const names = vectorNames("nvidia/rims");
  for (const name of names) {
    const expected = BAD[name] ?? [];
    it(`${expected.length > 0 ? "refuses" : "verifies"} ${name}`, async () => {
      const { faults, rim, about, root } = await verifyFile(name);
      expect(faults).toEqual(expected.map((fault) => expect.stringContaining(fault) as string));
      expect(rim === undefined).toBe(expected.length > 0);
      if (expected.length === 0) expect(root?.commonName).toBe("NVIDIA CoRIM signing Root CA");
      if (rim) expect(rim).toMatchObject(about ?? {});
      if (rim) expect(rim.measurements.size).toBe(64);
    });
  }

  it("lead to the root that NVIDIA publishes, and to no root for devices", async () => {
    expect(parsePemCertificates(text("roots/verifier_RIM_root.pem"))).toEqual(roots.map(({ der }) => der));
    const { faults } = await verifyRim(text("rims/NV_GPU_DRIVER_GH100_550.144.03.xml"), {
      nowMs: AT_MS,
      roots: [parseGpuTrustRoots().device],
    });
    expect(faults).toHaveLength(1);
  });

  it("share what they have in common", async () => {
    const pool = createCertificatePool();
    const results = await Promise.all(names.map((name) => verifyRim(text(`rims/${name}`), { nowMs: AT_MS, roots, pool })));
    expect(results.map(({ faults }) => faults.length > 0)).toEqual(names.map((name) => name in BAD));
    const issuers = results.flatMap(({ certificates }) => certificates.slice(1)).map(({ der }) => Buffer.from(der).toString("hex"));
    expect(new Set(issuers).size).toBe(new Set(results.flatMap(({ certificates }) => certificates.slice(1))).size);
  });

  it("are all there", () => {
    expect(names).toEqual(expect.arrayContaining(Object.keys(BAD)));
    expect(names.length - Object.keys(BAD).length).toBeGreaterThan(25);
  });

  it("say what they are about, and no more than is signed", async () => {
    const driver = await verifyFile("NV_GPU_DRIVER_GH100_550.144.03.xml");
    expect(driver.about).toEqual({ kind: "driver", version: "550.144.03", product: "GH100", edition: "GPU" });
    expect([...(driver.rim?.measurements.values() ?? [])].filter(({ active }) => active)).toHaveLength(21);
    expect(driver.rim?.measurements.get(23)?.values).toHaveLength(2);
    const vbios = await verifyFile("1010_0200_882_96005E0001_PROD.swidtag");
    expect(vbios.about).toEqual({ kind: "vbios", version: "96.00.5E.00.01", product: "GH100", edition: "GPU" });
  });

  it("are valid from the first to the last second of all of their certificates", async () => {
    const name = "NV_GPU_DRIVER_GH100_550.144.03.xml";
    const { certificates } = await verifyFile(name);
    expect(certificates).toHaveLength(4);
    const from = Math.max(...certificates.map(({ notBeforeMs }) => notBeforeMs));
    const until = Math.min(...certificates.map(({ notAfterMs }) => notAfterMs));
    expect(new Date(until).toISOString()).toBe("2026-12-30T16:56:50.000Z");
    for (const ms of [from, until]) expect((await verifyFile(name, ms)).faults).toEqual([]);
    for (const ms of [from - 1, until + 1]) expect((await verifyFile(name, ms)).faults).toHaveLength(1);
  });

  it("of a switch verify once they are valid", async () => {
    const { rim } = await verifyFile("switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml", Date.parse("2026-06-15T00:00:00Z"));
    const device = readDeviceVersions(readReport("evidence/sdk_switch/switchAttestationReport.txt").opaque, "switch");
    expect(rim && isAbout(rim, "vbios", device)).toBe(true);
    expect(rim && isAbout(rim, "vbios", { ...device, architecture: "hopper" })).toBe(false);
  });

  it("compare with the recorded Hopper: none differs from one, and index 9 from the other", async () => {
    const { blocks, opaque } = readReport("evidence/sdk_gpu/hopperAttestationReport.txt");
    const device = { blocks, decoderStatus: readDecoderStatus(opaque) };
    const [good, other] = await Promise.all(
      ["1010_0200_882_96005E0001_PROD.swidtag", "NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml"].map((name) =>
        verifyFile(name),
      ),
    );
    if (!good?.rim || !other?.rim) throw new Error("a manifest that does not verify");
    const versions = readDeviceVersions(opaque, "hopper");
    expect([good.rim, other.rim].map((rim) => isAbout(rim, "vbios", versions))).toEqual([true, true]);
    expect(compareMeasurements(device, [good.rim])).toMatchObject({ mismatches: [], conflicts: [], skipped: [] });
    expect(compareMeasurements(device, [good.rim]).compared).toHaveLength(12);
    expect(compareMeasurements(device, [other.rim]).mismatches).toMatchObject([{ index: 9, manifest: "vbios" }]);
  });

  it("of a driver and a VBIOS speak of different measurements", async () => {
    const rims = (
      await Promise.all(["NV_GPU_DRIVER_GH100_550.144.03.xml", "1010_0200_882_96005E0001_PROD.swidtag"].map((name) => verifyFile(name)))
    ).flatMap(({ rim }) => rim ?? []);
    const { conflicts, skipped, mismatches } = compareMeasurements({ blocks: [], decoderStatus: 0x55 }, rims);
    expect(conflicts).toEqual([]);
    expect(skipped).toEqual([35]);
    expect(mismatches.length).toBe(21 + 12 - 1);
  });
});

describe.skipIf(noVectors)("a recorded manifest that somebody changed", () => {
  let xml: string;
  let signature: string;
  let evil: string;
  beforeAll(() => {
    xml = text("rims/NV_GPU_DRIVER_GH100_550.144.03.xml");
    signature = /<ds:Signature .*<\/ds:Signature>/s.exec(xml)?.[0] ?? "";
    evil = xml.replace(signature, "").replace(/(active="True".*?Hash0=")[^"]*/, `$1${"ee".repeat(48)}`);
  });
  const change = (from: string | RegExp, to: string) => {
    const changed = xml.replace(from, to);
    if (changed === xml) throw new Error(`nothing to change: ${String(from)}`);
    return changed;
  };
  const inside = (text: string, into: string) => into.replace("</SoftwareIdentity>", `${text}</SoftwareIdentity>`);

  it("verifies where only its spelling changed", async () => {
    for (const same of [
      change(/ name="GH100" patch="false"/, "\r\n patch='false'\tname = 'GH&#49;00'"),
      change("<ns0:Payload", "<!-- evil --><ns0:Payload"),
      change(/(<ds:DigestValue>.{20})/, "$1<!-- evil -->"),
      xml.replaceAll("\n", "\r\n"),
      `<?xml version="1.0" encoding="UTF-8"?>\n${xml}`,
    ])
      expect((await verify(same)).faults).toEqual([]);
  });

  it.each<[string, () => string]>([
    ["a version", () => change("550.144.03", "550.144.04")],
    ["a measurement", () => change(/Hash0="0/, 'Hash0="1')],
    ["an inactive measurement into an active one", () => change('active="False"', 'active="True"')],
    ["white space in the text", () => change("</ns0:Payload>", " </ns0:Payload>")],
    [
      "a prefix",
      () =>
        xml
          .replaceAll("ns0:Payload", "ns9:Payload")
          .replace("xmlns:ns0=", 'xmlns:ns9="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" xmlns:ns0='),
    ],
    ["a namespace that nobody uses", () => change("<SoftwareIdentity ", '<SoftwareIdentity xmlns:x="urn:x" ')],
    ["its signed hash", () => change(/<ds:DigestValue>./, "<ds:DigestValue>A")],
    ["its signature", () => change(/<ds:SignatureValue>./, "<ds:SignatureValue>A")],
    ["the signer's certificate into the next one", () => change(/<ds:X509Certificate>[^<]*<\/ds:X509Certificate>/, "")],
    [
      "the order of its certificates",
      () => change(/(<ds:X509Certificate>[^<]*<\/ds:X509Certificate>)\s*(<ds:X509Certificate>[^<]*<\/ds:X509Certificate>)/, "$2$1"),
    ],
    ["its contents, with the signed document hidden inside", () => inside(`<box xmlns="urn:x">${xml}</box>`, evil)],
    ["its contents, with the signature moved along", () => inside(signature, evil)],
    [
      "its contents, with the signed ones inside the signature",
      () => inside(signature.replace("</ds:Signature>", `<ds:Object>${xml.replace(signature, "")}</ds:Object></ds:Signature>`), evil),
    ],
    ["the payload for two of them", () => change("<ns0:Payload", `${/<ns0:Payload.*<\/ns0:Payload>/s.exec(evil)?.[0]}<ns0:Payload`)],
    ["the signature for two of them", () => change("</SoftwareIdentity>", `${signature}</SoftwareIdentity>`)],
    [
      "its reference into one by id, with that id twice",
      () =>
        evil
          .replace("<SoftwareIdentity ", '<SoftwareIdentity Id="x" ')
          .replace(
            "</SoftwareIdentity>",
            `${xml.replace("<SoftwareIdentity ", '<SoftwareIdentity Id="x" ').replace('URI=""', 'URI="#x"')}</SoftwareIdentity>`,
          ),
    ],
    ["itself into an entity", () => `<!DOCTYPE SoftwareIdentity [<!ENTITY v "550.144.03">]>${xml.replace("550.144.03", "&v;")}`],
    ["its root into another one's child", () => `<r xmlns="urn:x">${xml}</r>`],
    ["nothing into something", () => ""],
  ])("is refused: %s", async (_what, changed) => {
    const { faults, rim } = await verify(changed());
    expect(faults).not.toEqual([]);
    expect(rim).toBeUndefined();
  });

  it("is refused cut at any character", async () => {
    for (let length = 0; length < xml.trimEnd().length; length += 97) expect((await verify(xml.slice(0, length))).faults).not.toEqual([]);
  });

  it("takes little time, good or bad", async () => {
    for (const sample of [xml, evil, inside(signature.repeat(40), evil)]) await bounded(() => verify(sample));
  });
});

function readReport(path: string): MeasurementReport {
  return parseMeasurementReport(Buffer.from(text(path).trim(), "hex"));
}
