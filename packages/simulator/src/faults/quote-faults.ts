/** Fields of an extended TD 1.5 report; zero where nothing else is said. */
export interface ExtensionFaults {
  /** 0 for the TD itself. */
  readonly vmId?: number;
  /** 96 hex digits. */
  readonly initialServiceTdHash?: string;
  /** 16 hex digits. */
  readonly initialServiceTdAttributes?: string;
  /** 96 hex digits. */
  readonly currentServiceTdHash?: string;
  /** 16 hex digits. */
  readonly currentServiceTdAttributes?: string;
}

/** Faults of the quote: of what the TD reports, of the quoting enclave, and of the signatures of both. */
export interface QuoteFaults {
  /** The quote holds other report data than was asked for; 64 bytes in, 64 out. */
  readonly reportData?: (asked: Uint8Array) => Uint8Array;
  /** The TD's attributes, 16 hex digits, instead of those of a well-behaved TD. */
  readonly tdAttributes?: string;
  /** XFAM, 16 hex digits. */
  readonly xfam?: string;
  /** TEE_TCB_SVN, 32 hex digits: another TDX module than the one that the collateral was made for. */
  readonly teeTcbSvn?: string;
  /** The second TEE_TCB_SVN, 32 hex digits; only a TD 1.5 report has one. */
  readonly teeTcbSvn2?: string;
  /** MRSERVICETD, 96 hex digits; only a TD 1.5 report has one. */
  readonly mrServiceTd?: string;
  /** What only an extended TD 1.5 report has, hex. */
  readonly extension?: ExtensionFaults;
  /** MRSIGNERSEAM, 96 hex digits: who signed the TDX module; zeros stand for Intel. */
  readonly mrSignerSeam?: string;
  /** SEAM attributes, 16 hex digits. */
  readonly seamAttributes?: string;
  /** Measurements, 96 hex digits each, that are not those of the build which `policy()` pins. */
  readonly measurements?: Partial<Readonly<Record<"mrtd" | "rtmr0" | "rtmr1" | "rtmr2" | "rtmr3", string>>>;
  /** MRCONFIGID, 96 hex digits, instead of the one that commits to the compose document. */
  readonly mrConfigId?: string;
  /** The quoting enclave's report is signed by a key that is not the PCK's. */
  readonly foreignPck?: boolean;
  /** The quoting enclave's report commits to another attestation key than the one in the quote. */
  readonly foreignAttestationKey?: boolean;
  /** MRSIGNER in the quoting enclave's report, 64 hex digits: an enclave that Intel did not sign. The QE identity stays. */
  readonly qeMrSigner?: string;
  /** ISVPRODID in the quoting enclave's report, 0–65535: another product of the same signer. The QE identity stays. */
  readonly qeProductId?: number;
  /** ISVSVN in the quoting enclave's report, 0–65535. The QE identity stays. */
  readonly qeSvn?: number;
  /** SGX attributes in the quoting enclave's report, 32 hex digits. The QE identity stays. */
  readonly qeAttributes?: string;
  /** MISCSELECT in the quoting enclave's report, as the number that it is. The QE identity stays. */
  readonly qeMiscSelect?: number;
  /** The quoting enclave runs under SGX debug: its host can read the attestation key. */
  readonly qeDebug?: boolean;
  /** The second half of the quoting enclave's report data, 64 hex digits instead of zeros. */
  readonly qeReportDataTail?: string;
  /** The quote is signed by a key that is not its attestation key. */
  readonly foreignQuoteSigner?: boolean;
  /** Rewrites the attestation key's signature, r ‖ s, 64 bytes in and out. */
  readonly quoteSignature?: (signature: Buffer) => Uint8Array;
  /** Rewrites the PCK's signature over the quoting enclave's report, r ‖ s, 64 bytes in and out. */
  readonly qeReportSignature?: (signature: Buffer) => Uint8Array;
  /** The header is changed before the quote is signed; 48 bytes in and out. */
  readonly quoteHeader?: (header: Buffer) => Uint8Array;
  /** The finished quote is changed at will: cut, lengthened, overwritten. */
  readonly quoteBytes?: (quote: Uint8Array) => Uint8Array;
}
