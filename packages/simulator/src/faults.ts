/** Which certificate a fault concerns. */
export type CertificateFault = "root" | "pck-ca" | "pck" | "tcb-signing";

/**
 * What a test may break, one link each. All else stays real, so that exactly one check of a verifier has to notice.
 * None of these can be reached from a configuration file or the environment.
 */
export interface SimulatorFaults {
  /** The quote holds other report data than was asked for; 64 bytes in, 64 out. */
  readonly reportData?: (asked: Uint8Array) => Uint8Array;
  /** The TD's attributes, 16 hex digits, instead of those of a well-behaved TD. */
  readonly tdAttributes?: string;
  /** Measurements, 96 hex digits each, that are not those of the build which `policy()` pins. */
  readonly measurements?: Partial<Readonly<Record<"mrtd" | "rtmr0" | "rtmr1" | "rtmr2" | "rtmr3", string>>>;
  /** MRCONFIGID, 96 hex digits, instead of the one that commits to the compose document. */
  readonly mrConfigId?: string;
  /** One certificate has expired a day before `nowMs`. */
  readonly expiredCertificate?: CertificateFault;
  /** The chain in the quote ends in a root of the same name as `rootDer`, but of another key. */
  readonly foreignRoot?: boolean;
  /** The quoting enclave's report is signed by a key that is not the PCK's. */
  readonly foreignPck?: boolean;
  /** The quoting enclave's report commits to another attestation key than the one in the quote. */
  readonly foreignAttestationKey?: boolean;
  /** MRSIGNER in the quoting enclave's report, 64 hex digits: an enclave that Intel did not sign. The QE identity stays. */
  readonly qeMrSigner?: string;
  /** ISVPRODID in the quoting enclave's report, 0–65535: another product of the same signer. The QE identity stays. */
  readonly qeProductId?: number;
  /** The quoting enclave runs under SGX debug: its host can read the attestation key. */
  readonly qeDebug?: boolean;
  /** The quote is signed by a key that is not its attestation key. */
  readonly foreignQuoteSigner?: boolean;
  /** The finished quote is changed at will: cut, lengthened, overwritten. */
  readonly quoteBytes?: (quote: Uint8Array) => Uint8Array;
}
