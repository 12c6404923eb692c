import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { DER_TAG, writeElement, writeUnsigned } from "../nvidia/der-writer.ts";
import { parseP384Certificate } from "../nvidia/p384-certificate.ts";
import type { Certificate } from "../x509/x509.ts";

const DAY_MS = 86_400_000;
/** The tests' present. */
export const NOW_MS = Date.parse("2026-06-01T12:00:00Z");

type Bytes = Uint8Array<ArrayBuffer>;

export const der = {
  sequence: (...members: Uint8Array[]): Bytes => writeElement(DER_TAG.sequence, ...members),
  octets: (value: Uint8Array): Bytes => writeElement(DER_TAG.octetString, value),
  oid: (encoded: string): Bytes => writeElement(DER_TAG.oid, Buffer.from(encoded, "hex")),
  explicit: (n: number, ...members: Uint8Array[]): Bytes => writeElement(0xa0 | n, ...members),
  bits: (value: Uint8Array): Bytes => writeElement(0x03, Uint8Array.of(0), value),
  enumerated: (value: number): Bytes => writeElement(0x0a, Uint8Array.of(value)),
  time: (ms: number): Bytes => writeElement(0x18, Buffer.from(`${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`)),
};
const { sequence, octets, oid, explicit, bits, enumerated, time } = der;

/** OIDs as encoded. */
export const OIDS = {
  ecdsaSha384: "2a8648ce3d040303",
  ecdsaSha256: "2a8648ce3d040302",
  rsaSha256: "2a864886f70d01010b",
  sha384: "608648016503040202",
  sha1: "2b0e03021a",
  basic: "2b0601050507300101",
  nonce: "2b0601050507300102",
  ocspSigning: "2b06010505070309",
  serverAuth: "2b06010505070301",
};

/** A key pair with its SubjectPublicKeyInfo. */
export interface MintedKey {
  readonly privateKey: KeyObject;
  readonly spki: Bytes;
  readonly rsa: boolean;
}

export function mintKey(type: "p384" | "rsa" | "rsa1024" = "p384"): MintedKey {
  const pair =
    type === "p384"
      ? generateKeyPairSync("ec", { namedCurve: "P-384" })
      : generateKeyPairSync("rsa", { modulusLength: type === "rsa" ? 2048 : 1024 });
  const spki = new Uint8Array(pair.publicKey.export({ type: "spki", format: "der" }));
  return { privateKey: pair.privateKey, spki, rsa: type !== "p384" };
}

/** The public key as JWK coordinates. */
export function jwkOf({ spki }: MintedKey): { readonly x: string; readonly y: string } {
  const point = Buffer.from(spki.subarray(-96));
  return { x: point.subarray(0, 48).toString("base64url"), y: point.subarray(48).toString("base64url") };
}

/** Signs as X.509 and OCSP want it: with SHA-384 on P-384, with SHA-256 by RSA. */
function signDer(key: MintedKey, message: Uint8Array): { readonly algorithm: Bytes; readonly signature: Bytes } {
  const algorithm = key.rsa ? sequence(oid(OIDS.rsaSha256), writeElement(DER_TAG.null)) : sequence(oid(OIDS.ecdsaSha384));
  return { algorithm, signature: bits(sign(key.rsa ? "sha256" : "sha384", message, key.privateKey)) };
}

export interface MintedCertificate {
  readonly der: Bytes;
  readonly name: Bytes;
  readonly key: MintedKey;
}

export interface CertificateWish {
  readonly name: string;
  readonly key?: MintedKey;
  /** Self-signed without one. */
  readonly issuer?: MintedCertificate;
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** First byte of the key usage. */
  readonly usage?: number;
  /** Purposes, OIDs as encoded. */
  readonly purposes?: readonly string[];
  readonly purposesCritical?: boolean;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  readonly serial?: Uint8Array;
}

let serials = 0;

/** A certificate as NVIDIA's authorities issue them. */
export function mintCertificate(wish: CertificateWish): MintedCertificate {
  const { ca = false, key = mintKey(), purposes, notBeforeMs = NOW_MS - DAY_MS, notAfterMs = NOW_MS + DAY_MS } = wish;
  const name = sequence(writeElement(0x31, sequence(oid("550403"), writeElement(0x0c, Buffer.from(wish.name)))));
  const signer = wish.issuer?.key ?? key;
  const yes = writeElement(0x01, Uint8Array.of(0xff));
  const pathLength = wish.pathLength === undefined ? [] : [writeUnsigned(Uint8Array.of(wish.pathLength))];
  const extensions = [
    sequence(oid("551d0f"), yes, octets(writeElement(0x03, Uint8Array.of(0, wish.usage ?? (ca ? 0x06 : 0x80))))),
    sequence(oid("551d13"), yes, octets(ca ? sequence(yes, ...pathLength) : sequence())),
    ...(purposes
      ? [sequence(oid("551d25"), ...(wish.purposesCritical ? [yes] : []), octets(sequence(...purposes.map((purpose) => oid(purpose)))))]
      : []),
  ];
  const { algorithm } = signDer(signer, new Uint8Array());
  const tbs = sequence(
    explicit(0, writeUnsigned(Uint8Array.of(2))),
    writeUnsigned(wish.serial ?? Uint8Array.of(0xe1, ++serials >> 8, serials & 0xff)),
    algorithm,
    wish.issuer?.name ?? name,
    sequence(time(notBeforeMs), time(notAfterMs)),
    name,
    key.spki,
    explicit(3, sequence(...extensions)),
  );
  return { der: sequence(tbs, algorithm, signDer(signer, tbs).signature), name, key };
}

export function parsed(minted: MintedCertificate): Certificate {
  return parseP384Certificate(minted.der);
}

export interface OcspWish {
  readonly about: { readonly cert: Certificate; readonly issuer: Certificate };
  /** Who signs. */
  readonly responder: MintedCertificate;
  /** Whom the answer names, if not who signs. */
  readonly named?: MintedCertificate;
  readonly byName?: boolean;
  readonly certificates?: readonly MintedCertificate[];
  readonly status?: "good" | "revoked" | "hold" | "unknown" | "revoked-without-reason";
  readonly producedMs?: number;
  readonly thisUpdateMs?: number;
  readonly nextUpdateMs?: number | null;
  readonly nonce?: Uint8Array;
  readonly serial?: string;
  /** How often the response is repeated. */
  readonly copies?: number;
  readonly certIdHash?: string;
  readonly signatureAlgorithm?: string;
  readonly responseStatus?: number;
  /** Added to the response's extensions. */
  readonly extensions?: readonly Uint8Array[];
  readonly singleExtensions?: readonly Uint8Array[];
}

/** An OCSP answer as a responder writes it, with everything that may be wrong with it. */
export function mintOcspAnswer(wish: OcspWish): Bytes {
  if (wish.responseStatus) return sequence(enumerated(wish.responseStatus));
  const { about, responder, named = responder, certificates = [responder], copies = 1 } = wish;
  const { producedMs = NOW_MS, thisUpdateMs = producedMs, nextUpdateMs = thisUpdateMs + DAY_MS } = wish;
  const sha384 = (bytes: Uint8Array) => octets(createHash("sha384").update(bytes).digest());
  const single = sequence(
    sequence(
      sequence(oid(wish.certIdHash ?? OIDS.sha384), writeElement(DER_TAG.null)),
      sha384(about.issuer.subject),
      sha384(about.issuer.publicKey),
      writeUnsigned(Buffer.from(wish.serial ?? about.cert.serial, "hex")),
    ),
    statusOf(wish.status ?? "good", thisUpdateMs),
    time(thisUpdateMs),
    ...(nextUpdateMs === null ? [] : [explicit(0, time(nextUpdateMs))]),
    ...(wish.singleExtensions ? [explicit(1, sequence(...wish.singleExtensions))] : []),
  );
  const keyHash = createHash("sha1").update(named.key.spki.subarray(-97)).digest();
  const extensions = [...(wish.nonce ? [sequence(oid(OIDS.nonce), octets(octets(wish.nonce)))] : []), ...(wish.extensions ?? [])];
  const tbs = sequence(
    wish.byName ? explicit(1, named.name) : explicit(2, octets(keyHash)),
    time(producedMs),
    sequence(...Array.from({ length: copies }, () => single)),
    ...(extensions.length > 0 ? [explicit(1, sequence(...extensions))] : []),
  );
  const { algorithm, signature } = signDer(responder.key, tbs);
  const basic = sequence(
    tbs,
    wish.signatureAlgorithm ? sequence(oid(wish.signatureAlgorithm)) : algorithm,
    signature,
    ...(certificates.length > 0 ? [explicit(0, sequence(...certificates.map((certificate) => certificate.der)))] : []),
  );
  return sequence(enumerated(0), explicit(0, sequence(oid(OIDS.basic), octets(basic))));
}

function statusOf(status: NonNullable<OcspWish["status"]>, ms: number): Bytes {
  if (status === "good") return writeElement(0x80);
  if (status === "unknown") return writeElement(0x82);
  const reason = status === "revoked-without-reason" ? [] : [explicit(0, enumerated(status === "hold" ? 6 : 1))];
  return writeElement(0xa1, time(ms - DAY_MS), ...reason);
}

/** A compact token, ES384 unless the header says otherwise. */
export function mintToken(key: MintedKey, keyId: string, claims: object, header: object = {}): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode({ kid: keyId, alg: "ES384", ...header })}.${encode(claims)}`;
  const signature = sign("sha384", Buffer.from(signed), { key: key.privateKey, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}
