import { type CertificateRequest, type Issuer, issueCertificate, toPem, USAGE } from "./certificates.ts";
import type { CertificateFaults, CertificateRole } from "./faults/certificate-faults.ts";
import { createKeyPair, type SecretSource } from "./keys.ts";
import { type Machine, type PckCaKind, sgxExtension } from "./machine.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
/** A name that no resolver answers: nobody is to fetch from here. */
const CRL_URL = "https://simulator.invalid/crl";
const PCK_CA_NAME = { platform: "Intel SGX PCK Platform CA", processor: "Intel SGX PCK Processor CA" } as const;

/** The simulator's certificates, in the roles that Intel's have. */
export type Pki = Readonly<Record<CertificateRole, Issuer>> & {
  /** The chain that a quote embeds: PCK, its CA and the root, unless a fault says otherwise. */
  readonly pckChainPem: string;
};

export interface PkiOptions {
  readonly nowMs: number;
  readonly pckCa: PckCaKind;
  readonly faults: CertificateFaults;
}

/** Makes root, both PCK CAs, PCK and TCB signer, valid around `nowMs` unless a fault says otherwise. */
export function createPki(secrets: SecretSource, machine: Machine, options: PkiOptions): Pki {
  const { faults, pckCa } = options;
  const issued = new Map<string, Issuer>();
  const certified = { ...machine, ...faults.certifiedMachine };
  const ca = (kind: PckCaKind): Role => ({
    commonName: PCK_CA_NAME[kind],
    years: 15,
    issuer: "root",
    usage: USAGE.signCertificates,
    pathLength: 0,
  });
  const roles: Readonly<Record<CertificateRole, Role>> = {
    root: { commonName: "Intel SGX Root CA", years: 20, usage: USAGE.signCertificates, pathLength: 1 },
    "pck-ca": ca(pckCa),
    "other-pck-ca": ca(pckCa === "platform" ? "processor" : "platform"),
    pck: {
      commonName: "Intel SGX PCK Certificate",
      years: 7,
      issuer: "pck-ca",
      usage: USAGE.signData,
      extensions: [sgxExtension(certified, pckCa)],
    },
    "tcb-signing": { commonName: "Intel SGX TCB Signing", years: 7, issuer: "root", usage: USAGE.signData },
  };

  /** `root` is the label of the root's key: a foreign one has the same name and another key. */
  function issue(role: CertificateRole, root: string): Issuer {
    const id = `${role} under ${root}`;
    const known = issued.get(id);
    if (known) return known;
    const certificate = issueCertificate(requestOf(role, root));
    issued.set(id, certificate);
    return certificate;
  }

  function requestOf(role: CertificateRole, root: string): CertificateRequest {
    const { years, issuer: usualIssuer, ...usual } = roles[role];
    const {
      keyOf,
      issuer: issuerRole = usualIssuer,
      foreignSigner,
      pathLength,
      extensions,
      signature,
      ...changes
    } = faults.certificates?.[role] ?? {};
    const issuer = issuerRole && issue(issuerRole, root);
    return {
      crlUrl: CRL_URL,
      notBeforeMs: options.nowMs - 2 * YEAR_MS,
      notAfterMs: faults.expiredCertificate === role ? options.nowMs - DAY_MS : options.nowMs + years * YEAR_MS,
      ...usual,
      ...changes,
      pathLength: pathLength === undefined ? usual.pathLength : (pathLength ?? undefined),
      key: createKeyPair(secrets, labelOf(keyOf ?? role, root)),
      ...(issuer && { issuer: foreignSigner ? { ...issuer, key: createKeyPair(secrets, "nobody's key") } : issuer }),
      rewriteExtensions: extensions,
      rewriteSignature: signature,
    };
  }

  const chainRoot = faults.foreignRoot ? "foreign root" : "root";
  const chain = (faults.pckChain ?? ["pck", "pck-ca", "root"]).map((role) => issue(role, chainRoot).der);
  const pem = toPem(...chain);
  return {
    root: issue("root", "root"),
    "pck-ca": issue("pck-ca", chainRoot),
    "other-pck-ca": issue("other-pck-ca", "root"),
    pck: issue("pck", chainRoot),
    "tcb-signing": issue("tcb-signing", "root"),
    pckChainPem: faults.pckChainText?.(pem) ?? pem,
  };
}

interface Role extends Pick<CertificateRequest, "commonName" | "usage" | "pathLength" | "extensions"> {
  readonly years: number;
  readonly issuer?: CertificateRole;
}

function labelOf(role: CertificateRole, root: string): string {
  return role === "root" ? root : role.replaceAll("-", " ");
}
