import { createHash } from "node:crypto";
import { bitString, boolean, explicit, ia5, integer, octetString, oid, sequence, set, time, utf8String } from "./der-writer.ts";
import { type SigningKeyPair, signDer } from "./keys.ts";

/** Every certificate says whose it is. Roles are recognised by their common names, so those stay Intel's. */
const ORGANISATION = "Bauta Simulator";
const UNIT = "SIMULATED - not Intel - protects nothing";

const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
const P256_KEY = sequence(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7"));
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
  const name = nameOf(request.commonName);
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
  const tbs = sequence(
    explicit(0, integer(2)),
    integer(serial),
    ECDSA_WITH_SHA256,
    issuer?.name ?? name,
    sequence(time(request.notBeforeMs), time(request.notAfterMs)),
    name,
    sequence(P256_KEY, bitString(Buffer.concat([Buffer.of(0x04), key.point]))),
    explicit(3, sequence(...(request.rewriteExtensions?.(extensions) ?? extensions))),
  );
  return { der: signed(tbs, issuer?.key ?? key, request.rewriteSignature), name, key, serial };
}

/** A DER structure followed by its algorithm and signature, as certificates and CRLs are. */
export function signed(tbs: Buffer, key: SigningKeyPair, rewrite?: RewriteSignature): Buffer {
  const signature = signDer(key, tbs);
  return sequence(tbs, ECDSA_WITH_SHA256, bitString(rewrite?.(signature) ?? signature));
}

export function signatureAlgorithm(): Buffer {
  return ECDSA_WITH_SHA256;
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

function nameOf(commonName: string): Buffer {
  const part = (id: string, text: string) => set(sequence(oid(id), utf8String(text)));
  return sequence(part("2.5.4.3", commonName), part("2.5.4.10", ORGANISATION), part("2.5.4.11", UNIT));
}

/** 20 bytes that name a key; positive as a serial number, which the certificate also uses it for. */
function keyIdOf(key: SigningKeyPair): Buffer {
  const digest = createHash("sha256").update(key.point).digest().subarray(0, 20);
  digest[0] = ((digest[0] ?? 0) & 0x7f) | 0x40;
  return digest;
}

function usageBits(usage: number): Buffer {
  const unused = 31 - Math.clz32(usage & -usage);
  return bitString(Buffer.of(usage), unused);
}
