import { describe, expect, it } from "vitest";
import { parseP384Certificate } from "../../packages/attestation/src/nvidia/p384-certificate.ts";
import { verifyRim } from "../../packages/attestation/src/nvidia/rim.ts";
import {
  type CertificateRequest,
  mintCertificate,
  MINTED_AT_MS,
  type MintedCertificate,
  mintRim,
  resource,
  rimBody,
  SIGNS_CERTIFICATES,
  SIGNS_DATA,
} from "./minted-rim.ts";
import { noXmlsec, runOnFiles } from "./xmlsec.ts";

const CA = { ca: true, usage: SIGNS_CERTIFICATES } as const;
const root = mintCertificate({ ...CA, name: "Root" });
const middle = mintCertificate({ ...CA, name: "Middle", issuer: root });
const issuer = mintCertificate({ ...CA, name: "Issuer", issuer: middle, pathLength: 0 });
const signerOf = (changes: Partial<CertificateRequest> = {}) =>
  mintCertificate({ name: "Signer", issuer, ca: false, usage: SIGNS_DATA, ...changes });
const signer = signerOf();
const CHAIN = [signer, issuer, middle, root];

const verify = (xml: string, nowMs = MINTED_AT_MS, trusted: readonly MintedCertificate[] = [root]) =>
  verifyRim(xml, { nowMs, roots: trusted.map(({ der }) => parseP384Certificate(der)) });
const mint = (chain: readonly MintedCertificate[], body = rimBody()) => mintRim({ signer: chain[0] ?? signer, chain, body });
const faultsOf = async (...chain: readonly MintedCertificate[]) => (await verify(mint(chain))).faults;

describe("a manifest under a root of our own", () => {
  it("verifies, whatever the spelling of its parts", async () => {
    const xml = mint(CHAIN);
    const result = await verify(xml);
    expect(result.faults).toEqual([]);
    expect(result.rim).toMatchObject({ kind: "driver", version: "550.144.03", product: "GH100", edition: "GPU" });
    expect(result.rim?.measurements).toEqual(new Map([[3, { active: true, values: ["ab".repeat(48)] }]]));
    expect(result.root?.commonName).toBe("Root");
    expect(result.certificates.map(({ commonName }) => commonName)).toEqual(["Signer", "Issuer", "Middle", "Root"]);
    const respelt = xml
      .replaceAll("></Meta>", " />")
      .replace(/(edition="GPU") (product="GH100")/, "$2\r\n $1")
      .replace("<Payload>", "<!-- of no account --><Payload >")
      .replace('name="M"', "name = '&#77;'");
    expect(respelt).not.toBe(xml);
    expect((await verify(`<?xml version="1.0" encoding="UTF-8"?>\n${respelt}\n`)).faults).toEqual([]);
  });

  it.skipIf(noXmlsec)("verifies with xmlsec too", () => {
    const pem = `-----BEGIN CERTIFICATE-----\n${root.der.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
    const program = `xmlsec1 --verify --enabled-key-data x509 --verification-time "2026-01-15 00:00:00" --trusted-pem "$1" "$0"`;
    expect(() => runOnFiles("sh", ["-c", program], [mint(CHAIN), pem])).not.toThrow();
    expect(() => runOnFiles("sh", ["-c", program], [mint(CHAIN).replace("550.144.03", "550.144.04"), pem])).toThrow();
  });

  it("may leave out its root", async () => {
    expect(await faultsOf(signer, issuer, middle)).toEqual([]);
  });

  it("may end in any root that is trusted, and in none but those", async () => {
    const other = mintCertificate({ ...CA, name: "Other" });
    expect((await verify(mint(CHAIN), MINTED_AT_MS, [other, root])).root?.commonName).toBe("Root");
    const untrusted = await verify(mint(CHAIN), MINTED_AT_MS, [other]);
    expect(untrusted.faults).toEqual(['its certificates end in "Root", which is no root for manifests that is trusted, nor issued by one']);
    expect(untrusted.rim).toBeUndefined();
    expect(untrusted.about?.version).toBe("550.144.03");
    expect((await verify(mint(CHAIN), MINTED_AT_MS, [])).faults).toHaveLength(1);
  });

  it("takes no root that only has the name of a trusted one", async () => {
    const impostor = mintCertificate({ ...CA, name: "Root" });
    const [ca, leaf] = [mintCertificate({ ...CA, name: "Middle", issuer: impostor }), signer];
    expect(await faultsOf(leaf, issuer, ca, impostor)).toContain('the signature of "Root" is not by the key of "Root"');
    expect(await faultsOf(leaf, issuer, ca)).toContain('the signature of "Middle" is not by the key of "Root"');
  });

  const by = (changes: Partial<CertificateRequest>) => mintCertificate({ ...CA, name: "Issuer", issuer: middle, ...changes });
  const below = (ca: MintedCertificate, changes: Partial<CertificateRequest> = {}) => signerOf({ issuer: ca, ...changes });
  for (const [what, changed, fault] of [
    ["an issuer that is no CA", by({ ca: false }), '"Issuer" is not a CA'],
    ["an issuer that may not sign certificates", by({ usage: SIGNS_DATA }), '"Issuer" may not sign certificates'],
    ["an issuer that has expired", by({ untilMs: MINTED_AT_MS - 1000 }), '"Issuer" was valid only until 2026-01-14T23:59:59.000Z'],
    ["an issuer that is not yet valid", by({ fromMs: MINTED_AT_MS + 1000 }), '"Issuer" is valid only from 2026-01-15T00:00:01.000Z'],
    ["an issuer by another name", by({ issuerName: "Muddle" }), '"Issuer" names another issuer than "Middle"'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      expect(await faultsOf(below(changed), changed, middle, root)).toEqual([expect.stringContaining(fault)]);
    });
  }

  for (const [what, changed, fault] of [
    ["a signer that is a CA", { ca: true }, '"Signer" is marked as a CA'],
    ["a signer that may not sign data", { usage: SIGNS_CERTIFICATES }, '"Signer" may not sign data'],
    ["a signer that has expired", { untilMs: MINTED_AT_MS - 1000 }, '"Signer" was valid only until 2026-01-14T23:59:59.000Z'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const xml = mint([signerOf(changed), issuer, middle, root]);
      expect((await verify(xml)).faults).toEqual([expect.stringContaining(fault)]);
    });
  }

  it("refuses a CA behind one that allows none", async () => {
    const extra = mintCertificate({ ...CA, name: "Extra", issuer });
    expect(await faultsOf(below(extra), extra, issuer, middle, root)).toEqual(['"Issuer" allows too short a path']);
  });

  it("refuses a signer who issues certificates himself", async () => {
    const forged = signerOf({ issuer: signer });
    expect(await faultsOf(forged, ...CHAIN)).toContain('"Signer" is not a CA');
  });

  it("refuses what the root itself signed", async () => {
    expect(await faultsOf(root)).toEqual(["it is signed by the root itself"]);
  });

  it("refuses certificates in another order, missing ones, and what is no certificate", async () => {
    expect(await faultsOf(signer, middle, issuer, root)).not.toEqual([]);
    expect(await faultsOf(signer, middle, root)).toContain('"Signer" names another issuer than "Middle"');
    const garbage = { ...root, der: Buffer.from("3003020101", "hex") };
    expect(await faultsOf(signer, garbage)).toEqual([expect.stringContaining("certificate: ")]);
  });

  it("refuses a signature by another key of the chain", async () => {
    const xml = mintRim({ signer: issuer, chain: CHAIN, body: rimBody() });
    expect((await verify(xml)).faults).toEqual(["its signature is not by the key of the certificate that it names"]);
  });

  it("refuses a moment that is none", async () => {
    await expect(verify(mint(CHAIN), Number.NaN)).rejects.toThrow(RangeError);
  });

  const HASH = "ab".repeat(48);
  for (const [what, body] of [
    ["no measurements", rimBody("")],
    ["none that is active", rimBody(resource(3, "False", [HASH]))],
    ["an index twice", rimBody(resource(3, "True", [HASH]) + resource(3, "False", [HASH]))],
    ["an index twice, spelt in two ways", rimBody(resource(3, "True", [HASH]) + resource("03", "False", [HASH]))],
    ["an index beyond a report", rimBody(resource(254, "True", [HASH]))],
    ["a negative index", rimBody(resource(-1, "True", [HASH]))],
    ["an active that is neither True nor False", rimBody(resource(3, "true", [HASH]))],
    ["no values", rimBody(resource(3, "True", []))],
    ["more values than alternatives", rimBody(resource(3, "True", [HASH, HASH], 1))],
    ["fewer values than alternatives", rimBody(resource(3, "True", [HASH], 2))],
    ["a huge number of alternatives", rimBody(resource(3, "True", [HASH], 999))],
    ["a value of another length", rimBody(resource(3, "True", ["ab".repeat(32)]))],
    ["a value that is not hex", rimBody(resource(3, "True", ["xy".repeat(48)]))],
    ["values that are not counted from 0", rimBody(resource(3, "True", [HASH]).replace("Hash0", "Hash1"))],
    ["values of another algorithm", rimBody(resource(3, "True", [HASH]).replace("ns2:Hash0", "Hash0"))],
    ["another size", rimBody(resource(3, "True", [HASH]).replace('size="48"', 'size="32"'))],
    ["another type of resource", rimBody(resource(3, "True", [HASH]).replace('"Measurement"', '"Other"'))],
    ["something else in the payload", rimBody(`${resource(3, "True", [HASH])}<File></File>`)],
    ["a resource of another namespace", rimBody(resource(3, "True", [HASH]).replaceAll("Resource", "ns2:Resource"))],
    ["two payloads", `${rimBody()}<Payload>${resource(4, "True", [HASH])}</Payload>`],
    ["two versions", `${rimBody()}<Meta colloquialVersion="1.2" edition="GPU" product="GH100"></Meta>`],
    ["a version that is none", rimBody(undefined, "latest")],
    ["no payload", rimBody().replace(/<Payload>.*<\/Payload>/, "")],
  ] as const) {
    it(`refuses ${what}, although it is duly signed`, async () => {
      const result = await verify(mint(CHAIN, body));
      expect(result.faults).toHaveLength(1);
      expect(result.rim).toBeUndefined();
    });
  }

  it("tells a VBIOS by its version", async () => {
    const result = await verify(mint(CHAIN, rimBody(undefined, "96.00.5e.00.01")));
    expect(result.rim).toMatchObject({ kind: "vbios", version: "96.00.5E.00.01" });
  });
});
