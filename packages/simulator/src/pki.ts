import { type Issuer, issueCertificate, toPem, USAGE } from "./certificates.ts";
import type { CertificateFault } from "./faults.ts";
import { createKeyPair, type SecretSource } from "./keys.ts";
import { type Machine, sgxExtension } from "./machine.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
/** A name that no resolver answers: nobody is to fetch from here. */
const CRL_URL = "https://simulator.invalid/crl";

/** The simulator's certificates, in the roles that Intel's have. */
export interface Pki {
  readonly root: Issuer;
  readonly pckCa: Issuer;
  readonly pck: Issuer;
  readonly tcbSigning: Issuer;
  /** PCK, its CA and the root, as a quote embeds them. */
  readonly pckChainPem: string;
}

export interface PkiOptions {
  readonly nowMs: number;
  readonly expired?: CertificateFault | undefined;
  readonly foreignRoot?: boolean | undefined;
}

/** Makes root, PCK platform CA, PCK and TCB signer, valid around `nowMs` unless a fault says otherwise. */
export function createPki(secrets: SecretSource, machine: Machine, options: PkiOptions): Pki {
  const certificate = (role: CertificateFault, commonName: string, years: number) => ({
    commonName,
    crlUrl: CRL_URL,
    notBeforeMs: options.nowMs - 2 * YEAR_MS,
    notAfterMs: options.expired === role ? options.nowMs - DAY_MS : options.nowMs + years * YEAR_MS,
  });
  const issueRoot = (label: string) =>
    issueCertificate({
      ...certificate("root", "Intel SGX Root CA", 20),
      key: createKeyPair(secrets, label),
      usage: USAGE.signCertificates,
      pathLength: 1,
    });
  const root = issueRoot("root");
  // A root of the same name with another key: only its bytes tell it from the one to be named.
  const chainRoot = options.foreignRoot ? issueRoot("foreign root") : root;
  const pckCa = issueCertificate({
    ...certificate("pck-ca", "Intel SGX PCK Platform CA", 15),
    key: createKeyPair(secrets, "pck ca"),
    issuer: chainRoot,
    usage: USAGE.signCertificates,
    pathLength: 0,
  });
  const pck = issueCertificate({
    ...certificate("pck", "Intel SGX PCK Certificate", 7),
    key: createKeyPair(secrets, "pck"),
    issuer: pckCa,
    usage: USAGE.signData,
    extensions: [sgxExtension(machine)],
  });
  const tcbSigning = issueCertificate({
    ...certificate("tcb-signing", "Intel SGX TCB Signing", 7),
    key: createKeyPair(secrets, "tcb signing"),
    issuer: root,
    usage: USAGE.signData,
  });
  return { root, pckCa, pck, tcbSigning, pckChainPem: toPem(pck.der, pckCa.der, chainRoot.der) };
}
