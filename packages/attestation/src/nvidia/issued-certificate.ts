import type { Certificate } from "../x509/x509.ts";

/** A certificate and who issued it. */
export interface IssuedCertificate {
  readonly cert: Certificate;
  readonly issuer: Certificate;
}

/** Pairs each certificate of a path with the one that follows it; the last one is only an issuer. */
export function issuedCertificates(path: readonly Certificate[]): readonly IssuedCertificate[] {
  return path.slice(0, -1).flatMap((cert, index) => {
    const issuer = path[index + 1];
    return issuer ? [{ cert, issuer }] : [];
  });
}
