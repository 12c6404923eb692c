import type { Collateral } from "@bauta/attestation";
import { toPem } from "./certificates.ts";
import type { CertificateRole } from "./faults/certificate-faults.ts";
import type { CollateralFaults, SignedDocumentFaults } from "./faults/collateral-faults.ts";
import type { RevocationFaults, RevocationListChanges } from "./faults/revocation-faults.ts";
import { createKeyPair, createSecretSource, signRaw } from "./keys.ts";
import type { Machine } from "./machine.ts";
import type { Pki } from "./pki.ts";
import { issueRevocationList } from "./revocation-list.ts";
import { qeIdentityOf, tcbInfoOf } from "./tcb-documents.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const VALID_DAYS = 30;
/** Somebody else's: a list with entries, none of which is this machine. */
const OTHER_PEOPLES_SERIALS = [Buffer.from("00c0ffee", "hex"), Buffer.from("7f".repeat(20), "hex")];

/**
 * Issues the collateral that belongs to a machine: TCB info v3 and QE identity v2 in Intel's form, signed by the
 * TCB signer over their exact text, and both revocation lists. Issued a day before `issuedMs`, current for 30 days.
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "Get TDX TCB Info", "Get TDX QE Identity"
 */
export function issueCollateral(
  pki: Pki,
  machine: Machine,
  issuedMs: number,
  faults: CollateralFaults & RevocationFaults = {},
): Collateral {
  const dates = { issueDate: isoSeconds(issuedMs - DAY_MS), nextUpdate: isoSeconds(issuedMs + VALID_DAYS * DAY_MS) };
  const chainOf = (roles: readonly CertificateRole[]) => toPem(...roles.map((role) => pki[role].der));
  const tcbInfo = signDocument(pki, tcbInfoOf(machine, dates), faults.tcbInfo);
  const qeIdentity = signDocument(pki, qeIdentityOf(machine, dates), faults.qeIdentity);
  const collateral = {
    tcb_info: tcbInfo.json,
    tcb_info_signature: tcbInfo.signature,
    tcb_info_issuer_chain: chainOf(tcbInfo.chain),
    qe_identity: qeIdentity.json,
    qe_identity_signature: qeIdentity.signature,
    qe_identity_issuer_chain: chainOf(qeIdentity.chain),
    pck_crl: listRevoked(pki, { issuer: "pck-ca", issuedMs, validMs: VALID_DAYS * DAY_MS, revoked: OTHER_PEOPLES_SERIALS }, faults.pckCrl),
    pck_crl_issuer_chain: chainOf(faults.pckCrlChain ?? ["pck-ca", "root"]),
    root_ca_crl: listRevoked(pki, { issuer: "root", issuedMs, validMs: YEAR_MS, revoked: [] }, faults.rootCrl),
  };
  return faults.collateral?.(collateral) ?? collateral;
}

interface SignedDocument {
  readonly json: string;
  /** Hex. */
  readonly signature: string;
  readonly chain: readonly CertificateRole[];
}

function signDocument<T>(pki: Pki, content: T, faults: SignedDocumentFaults<T> = {}): SignedDocument {
  const { signer = "tcb-signing" } = faults;
  const stated = JSON.stringify(faults.content ? faults.content(content) : content);
  const json = faults.text?.(stated) ?? stated;
  const key = signer === "stranger" ? createKeyPair(createSecretSource(undefined), "stranger") : pki[signer].key;
  const signature = signRaw(key, Buffer.from(json));
  return {
    json,
    signature: Buffer.from(faults.signature?.(signature) ?? signature).toString("hex"),
    chain: faults.chain ?? [signer === "stranger" ? "tcb-signing" : signer, "root"],
  };
}

interface CleanList {
  readonly issuer: CertificateRole;
  readonly issuedMs: number;
  readonly validMs: number;
  readonly revoked: readonly Uint8Array[];
}

/** @returns the list as DER in hex */
function listRevoked(pki: Pki, clean: CleanList, faults: RevocationListChanges = {}): string {
  const { issuedMs } = clean;
  const revoked = (faults.revoked ?? clean.revoked).map((entry) => (typeof entry === "string" ? pki[entry].serial : entry));
  const filler = Array.from({ length: faults.fillerEntries ?? 0 }, (_, index) => {
    const serial = Buffer.alloc(20, 0x5f);
    serial.writeUInt32BE(index, 16);
    return serial;
  });
  const der = issueRevocationList({
    issuer: pki[faults.issuer ?? clean.issuer],
    signer: faults.foreignSigner ? createKeyPair(createSecretSource(undefined), "stranger") : undefined,
    // Lists are numbered in ascending order: by the day of their issue.
    number: faults.number === undefined ? Math.floor(issuedMs / DAY_MS) : faults.number,
    thisUpdateMs: faults.thisUpdateMs ?? issuedMs - DAY_MS,
    nextUpdateMs: faults.nextUpdateMs === undefined ? issuedMs + clean.validMs : faults.nextUpdateMs,
    revokedSerials: [...revoked, ...filler],
    rewriteExtensions: faults.extensions,
    rewriteEntryExtensions: faults.entryExtensions,
    rewriteSignature: faults.signature,
  });
  return Buffer.from(faults.der?.(der) ?? der).toString("hex");
}

function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
