/** Where the capture's version 4 quotes hold what; both are laid out alike. @see Intel TDX DCAP Quoting Library API, appendix A.3 */
export const REPORT = 48;
export const SIGNED_BYTES = 632;
export const SIGNATURE = 636;
export const ATTESTATION_KEY = 700;
export const QE_REPORT = 770;
export const QE_REPORT_BYTES = 384;
const QE_REPORT_SIGNATURE = QE_REPORT + QE_REPORT_BYTES;
/** Two bytes of length go before it. */
export const QE_AUTHENTICATION_DATA = QE_REPORT_SIGNATURE + 66;
/** Type and length of the chain go before it. */
export const PEM_BYTES_OFFSET = QE_AUTHENTICATION_DATA + 32 + 6;
/** A MRCONFIGID of kind 1 is the kind, the compose hash and zeros. */
export const MRCONFIGID = REPORT + 184;
export const RTMR0 = REPORT + 328;
export const REGISTER_BYTES = 48;
export const REPORT_DATA = REPORT + 520;
