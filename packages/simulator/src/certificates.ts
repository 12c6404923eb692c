import { createHash } from "node:crypto";
import { bitString, boolean, explicit, ia5, integer, octetString, oid, sequence, set, time, utf8String } from "./der-writer.ts";
import { type SigningKeyPair, signDer } from "./keys.ts";

/** Every certificate says whose it is. Roles are recognised by their common names, so those stay Intel's. */
const ORGANISATION = "Bauta Simulator";
const UNIT = "SIMULATED - not Intel - protects nothing";

const EC_PUBLIC_KEY = "1.2.840.10045.2.1";
const ALGORITHMS = {
  "P-256": { key: sequence(oid(EC_PUBLIC_KEY), oid("1.2.840.10045.3.1.7")), signature: sequence(oid("1.2.840.10045.4.3.2")) },
  "P-384": { key: sequence(oid(EC_PUBLIC_KEY), oid("1.3.132.0.34")), signature: sequence(oid("1.2.840.10045.4.3.3")) },
} as const;
const PEM_LINE = /.{1,64}/g;

/** First byte of the key usage extension. */
export const USAGE = { signData: 0xc0, signCertificates: 0x06 } as const;

/** A certificate of the simulator with the key behind it. */
export interface Issuer {
  readonly der: Buffer;
  readonly name: Buffer;
  readonly key: SigningKeyPair;
  /** Big-endian. */
  readonly serial: Buffer;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly key: SigningKeyPair;
  /** Left out for a self-signed root. */
  readonly issuer?: Issuer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** First byte of the key usage; null leaves the extension out. */
  readonly usage: number | null;
  /** For a CA: how many CAs may follow. */
  readonly pathLength?: number | undefined;
  /** Contents of basicConstraints as DER, instead of what `pathLength` says. */
  readonly basicConstraints?: Uint8Array | undefined;
  readonly crlUrl: string;
  /** Further extensions, already encoded. */
  readonly extensions?: readonly Buffer[];
  /** Rewrites the finished list of extensions. */
  readonly rewriteExtensions?: ((extensions: readonly Buffer[]) => readonly Buffer[]) | undefined;
  /** Big-endian; left out, it follows from the key. */
  readonly serial?: Uint8Array | undefined;
  /** Rewrites the DER of the signature before it is wrapped. */
  readonly rewriteSignature?: RewriteSignature | undefined;
}

export type RewriteSignature = (der: Buffer) => Uint8Array;

/**
 * Issues a certificate in the profile of Intel's own: X.509 v3, P-256, the same extensions in the same order.
 * @see Intel SGX PCK Certificate and CRL Profile Specification §1.3
 */
export function issueCertificate(request: CertificateRequest): Issuer {
  const { key, issuer } = request;
  const name = nameOf(request.commonName, UNIT);
  const keyId = keyIdOf(key);
  const serial = Buffer.from(request.serial ?? keyId);
  const constraints =
    request.basicConstraints ?? (request.pathLength === undefined ? sequence() : sequence(boolean(true), integer(request.pathLength)));
  const extensions = [
    authorityKeyId(issuer?.key ?? key),
    extension("2.5.29.31", sequence(sequence(explicit(0, explicit(0, ia5(0x86, request.crlUrl)))))),
    extension("2.5.29.14", octetString(keyId)),
    ...(request.usage === null ? [] : [extension("2.5.29.15", usageBits(request.usage), true)]),
    extension("2.5.29.19", constraints, true),
    ...(request.extensions ?? []),
  ];
  return certify({ ...request, name, serial, extensions: request.rewriteExtensions?.(extensions) ?? extensions });
}

/** What every certificate says, whatever its profile. */
export interface CertificateContents extends Pick<
  CertificateRequest,
  "key" | "issuer" | "notBeforeMs" | "notAfterMs" | "rewriteSignature"
> {
  /** The subject, DER. */
  readonly name: Buffer;
  /** Big-endian. */
  readonly serial: Buffer;
  readonly extensions: readonly Buffer[];
}

/** Signs a certificate, X.509 v3, with the issuer's key or, without an issuer, with its own. @see RFC 5280 §4.1 */
export function certify(contents: CertificateContents): Issuer {
  const { name, key, serial, issuer } = contents;
  const signer = issuer?.key ?? key;
  const tbs = sequence(
    explicit(0, integer(2)),
    integer(serial),
    signatureAlgorithm(signer),
    issuer?.name ?? name,
    sequence(time(contents.notBeforeMs), time(contents.notAfterMs)),
    name,
    publicKeyInfo(key),
    explicit(3, sequence(...contents.extensions)),
  );
  return { der: signed(tbs, signer, contents.rewriteSignature), name, key, serial };
}

/** A public key with its algorithm, DER. @see RFC 5480 §2 */
export function publicKeyInfo(key: SigningKeyPair): Buffer {
  return sequence(ALGORITHMS[key.curve].key, bitString(Buffer.concat([Buffer.of(0x04), key.point])));
}

/** A DER structure followed by its algorithm and signature, as certificates and CRLs are; `more` follows unsigned. */
export function signed(tbs: Buffer, key: SigningKeyPair, rewrite?: RewriteSignature, ...more: readonly Buffer[]): Buffer {
  const signature = signDer(key, tbs);
  return sequence(tbs, signatureAlgorithm(key), bitString(rewrite?.(signature) ?? signature), ...more);
}

export function signatureAlgorithm(signer: SigningKeyPair): Buffer {
  return ALGORITHMS[signer.curve].signature;
}

export function extension(id: string, value: Uint8Array, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

export function authorityKeyId(issuer: SigningKeyPair): Buffer {
  return extension("2.5.29.35", sequence(ia5(0x80, keyIdOf(issuer).toString("latin1"))));
}

/** Certificates as PEM, one after the other. */
export function toPem(...ders: readonly Uint8Array[]): string {
  return ders
    .map((der) => {
      const lines = Buffer.from(der).toString("base64").match(PEM_LINE) ?? [];
      return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
    })
    .join("");
}

/** The name of something that the simulator certifies, DER; `unit` says that it is simulated. */
export function nameOf(commonName: string, unit: string): Buffer {
  const part = (id: string, text: string) => set(sequence(oid(id), utf8String(text)));
  return sequence(part("2.5.4.3", commonName), part("2.5.4.10", ORGANISATION), part("2.5.4.11", unit));
}

/** 20 bytes that name a key; positive as a serial number, which the certificate also uses it for. */
export function keyIdOf(key: SigningKeyPair): Buffer {
  const digest = createHash("sha256").update(key.point).digest().subarray(0, 20);
  digest[0] = ((digest[0] ?? 0) & 0x7f) | 0x40;
  return digest;
}

/** Contents of the key usage extension of one byte. */
export function usageBits(usage: number): Buffer {
  const unused = 31 - Math.clz32(usage & -usage);
  return bitString(Buffer.of(usage), unused);
}
