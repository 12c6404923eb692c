import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** The moment around which everything here is valid. */
export const MINTED_AT_MS = Date.UTC(2026, 0, 15);

const DSIG = "http://www.w3.org/2000/09/xmldsig#";
const C14N = "http://www.w3.org/2006/12/xml-c14n11";
const SWID_DECLARATIONS = {
  swid: 'xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd"',
  hash: 'xmlns:ns2="http://www.w3.org/2001/04/xmlenc#sha384"',
} as const;

export interface MintedCertificate {
  readonly der: Buffer;
  readonly name: string;
  readonly privateKey: KeyObject;
}

export interface CertificateRequest {
  readonly name: string;
  /** Left out: signed by itself. */
  readonly issuer?: MintedCertificate;
  readonly ca: boolean;
  readonly usage: number;
  readonly pathLength?: number;
  readonly fromMs?: number;
  readonly untilMs?: number;
  /** Another issuer's name than that of the key that signs. */
  readonly issuerName?: string;
  /** Further extensions, DER. */
  readonly extensions?: readonly Buffer[];
}

export const SIGNS_DATA = 0x80;
export const SIGNS_CERTIFICATES = 0x06;
const DAY_MS = 86_400_000;

/** Issues a P-384 certificate in the profile of NVIDIA's, each time with a new key. */
export function mintCertificate(request: CertificateRequest): MintedCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const { name, issuer, ca, usage, pathLength, fromMs = MINTED_AT_MS - DAY_MS, untilMs = MINTED_AT_MS + DAY_MS } = request;
  const constraints = sequence(...(ca ? [element(1, Buffer.of(0xff))] : []), ...(pathLength === undefined ? [] : [integer(pathLength)]));
  const tbs = sequence(
    element(0xa0, integer(2)),
    integer(7),
    ECDSA_SHA384,
    nameOf(request.issuerName ?? issuer?.name ?? name),
    sequence(time(fromMs), time(untilMs)),
    nameOf(name),
    publicKey.export({ format: "der", type: "spki" }),
    element(
      0xa3,
      sequence(
        criticalExtension("551d13", constraints),
        criticalExtension("551d0f", element(3, Buffer.of(0, usage))),
        ...(request.extensions ?? []),
      ),
    ),
  );
  const signature = sign("sha384", tbs, issuer?.privateKey ?? privateKey);
  return { der: sequence(tbs, ECDSA_SHA384, element(3, Buffer.of(0), signature)), name, privateKey };
}

export interface RimRequest {
  readonly signer: MintedCertificate;
  readonly chain: readonly MintedCertificate[];
  /** What stands in the root element, in canonical form. */
  readonly body: string;
}

/**
 * Signs a manifest. All that is digested is written in canonical form, so no canonicalisation is needed: it proves another one.
 */
export function mintRim({ signer, chain, body }: RimRequest): string {
  const { swid, hash } = SWID_DECLARATIONS;
  const before = `<SoftwareIdentity ${swid} ${hash} name="GH100">${body}`;
  const after = "</SoftwareIdentity>";
  const digest = createHash("sha384")
    .update(before + after)
    .digest("base64");
  const signedInfo =
    `<ds:CanonicalizationMethod Algorithm="${C14N}"></ds:CanonicalizationMethod>` +
    '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"></ds:SignatureMethod>' +
    `<ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="${DSIG}enveloped-signature"></ds:Transform>` +
    `<ds:Transform Algorithm="${C14N}"></ds:Transform></ds:Transforms>` +
    `<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"></ds:DigestMethod>` +
    `<ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>`;
  const canonical = `<ds:SignedInfo ${swid} xmlns:ds="${DSIG}" ${hash}>${signedInfo}`;
  const value = sign("sha384", Buffer.from(canonical), { key: signer.privateKey, dsaEncoding: "ieee-p1363" }).toString("base64");
  const certificates = chain.map(({ der }) => `<ds:X509Certificate>${der.toString("base64")}</ds:X509Certificate>`).join("\n");
  const signature =
    `<ds:Signature xmlns:ds="${DSIG}"><ds:SignedInfo>${signedInfo}<ds:SignatureValue>${value}</ds:SignatureValue>` +
    `<ds:KeyInfo><ds:X509Data>${certificates}</ds:X509Data></ds:KeyInfo></ds:Signature>`;
  return before + signature + after;
}

/** A body in canonical form, of a driver's manifest unless it is told otherwise. */
export function rimBody(measurements: string = resource(3, "True", ["ab".repeat(48)]), version = "550.144.03"): string {
  const meta = `<Meta colloquialVersion="${version}" edition="GPU" product="GH100"></Meta>`;
  return `<Entity name="Bauta tests" role="softwareCreator tagCreator"></Entity>${meta}<Payload>${measurements}</Payload>`;
}

export function resource(
  index: number | string,
  active: string,
  values: readonly string[],
  alternatives: number | string = values.length,
): string {
  const hashes = values.map((value, number) => ` ns2:Hash${number}="${value}"`).join("");
  return `<Resource active="${active}" alternatives="${alternatives}" index="${index}" name="M" size="48" type="Measurement"${hashes}></Resource>`;
}

function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  const { length } = body;
  const lengths = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...lengths), body]);
}

function sequence(...contents: readonly Uint8Array[]): Buffer {
  return element(0x30, ...contents);
}

function integer(value: number): Buffer {
  return element(2, Buffer.of(value));
}

const ECDSA_SHA384 = sequence(element(6, Buffer.from("2a8648ce3d040303", "hex")));

function criticalExtension(oid: string, value: Uint8Array): Buffer {
  return sequence(element(6, Buffer.from(oid, "hex")), element(1, Buffer.of(0xff)), element(4, value));
}

function nameOf(commonName: string): Buffer {
  return sequence(element(0x31, sequence(element(6, Buffer.from("550403", "hex")), element(0x0c, Buffer.from(commonName)))));
}

function time(ms: number): Buffer {
  return element(0x18, Buffer.from(`${new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`));
}
