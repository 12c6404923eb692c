import { authorityKeyId, certify, extension, type Issuer, keyIdOf, nameOf, type RewriteSignature, usageBits } from "../certificates.ts";
import { boolean, ia5, integer, octetString, oid, sequence } from "../der-writer.ts";
import type { SigningKeyPair } from "../keys.ts";

const UNIT = "SIMULATED - not NVIDIA - protects nothing";
/** A name that no resolver answers: nobody is to ask here. */
const OCSP_URL = "http://ocsp.simulator.invalid";

export interface GpuCertificateRequest {
  readonly commonName: string;
  readonly key: SigningKeyPair;
  /** Left out for a self-signed root. */
  readonly issuer?: Issuer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** First byte of the key usage; null leaves the extension out. */
  readonly usage: number | null;
  readonly ca: boolean;
  /** For a CA: how many CAs may follow; null sets no limit. */
  readonly pathLength: number | null;
  /** Whether it says where to ask if it still stands. */
  readonly revocable: boolean;
  /** Further extensions, already encoded. */
  readonly extensions: readonly Buffer[];
  /** Rewrites the finished list of extensions. */
  readonly rewriteExtensions?: ((extensions: readonly Buffer[]) => readonly Buffer[]) | undefined;
  /** Big-endian; left out, it follows from the key. */
  readonly serial?: Uint8Array | undefined;
  readonly rewriteSignature?: RewriteSignature | undefined;
}

/**
 * Issues a certificate in the profile of NVIDIA's: X.509 v3, P-384, signed with SHA-384. As in theirs, only a CA has
 * basic constraints.
 */
export function issueGpuCertificate(request: GpuCertificateRequest): Issuer {
  const { key, issuer, ca, pathLength, usage } = request;
  const serial = Buffer.from(request.serial ?? keyIdOf(key));
  const constraints = sequence(boolean(true), ...(pathLength === null ? [] : [integer(pathLength)]));
  const extensions = [
    ...(ca ? [extension("2.5.29.19", constraints, true)] : []),
    ...(usage === null ? [] : [extension("2.5.29.15", usageBits(usage), true)]),
    ...(request.revocable ? [extension("1.3.6.1.5.5.7.1.1", sequence(sequence(oid("1.3.6.1.5.5.7.48.1"), ia5(0x86, OCSP_URL))))] : []),
    extension("2.5.29.14", octetString(keyIdOf(key))),
    authorityKeyId(issuer?.key ?? key),
    ...request.extensions,
  ];
  return certify({
    ...request,
    name: nameOf(request.commonName, UNIT),
    serial,
    extensions: request.rewriteExtensions?.(extensions) ?? extensions,
  });
}
