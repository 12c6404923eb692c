import { readVector, readJsonVector } from "../support/vectors.ts";
import { toHex } from "../../packages/protocol/src/index.ts";
import { mintedInputs, recordedInput, recordedRows } from "../browser/platform-inputs.ts";

/** A quote with its collateral that every verifier is given alike. */
export interface DifferentialCase {
  /** Where it comes from: `recorded`, `forged`, `time`, `quote`, or a family of the negative corpus. */
  readonly source: string;
  readonly name: string;
  /** Hex. */
  readonly quote: string;
  /** Common JSON shape. */
  readonly collateral: Readonly<Record<string, string>>;
  readonly nowMs: number;
  /** The one root to trust, DER in hex; Intel's where there is none. */
  readonly root?: string;
}

/** Recorded quotes of real machines with Intel's collateral of their time, by quote. */
export function recordedCases(): DifferentialCase[] {
  return recordedRows.map((row) => {
    const { quote, endorsements, nowMs } = recordedInput(row);
    const verdict = row.expect.startsWith("REJECT") ? row.expect.slice(7) : row.expect.split(" ")[0];
    return { source: "recorded", name: `${row.quote} with ${row.collateral}: ${verdict}`, quote, collateral: { ...endorsements }, nowMs };
  });
}

const SOUND = { quote: "v4-phala", collateral: "2025-10-mixed-b0c06f", at: "2025-10-21T14:36:52Z" };
const OTHER = "2025-10-mixed-90c06f";

/** A real quote with Intel's collateral, of which one piece was forged: what needs nobody's key. */
export function forgedCases(): DifferentialCase[] {
  const quote = toHex(readVector(`tdx/quotes/${SOUND.quote}.bin`));
  const sound = readJsonVector(`tdx/collateral/${SOUND.collateral}.json`) as Record<string, string>;
  const other = readJsonVector(`tdx/collateral/${OTHER}.json`) as Record<string, string>;
  const { pck_crl: pckCrl = "", root_ca_crl: rootCrl = "", tcb_info: tcbInfo = "", qe_identity: qeIdentity = "" } = sound;
  const forgeries: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
    nothing: {},
    "an empty PCK list": { pck_crl: "" },
    "an empty root list": { root_ca_crl: "" },
    "both lists empty": { pck_crl: "", root_ca_crl: "" },
    "a PCK list of garbage": { pck_crl: "a5".repeat(400) },
    "a root list of garbage": { root_ca_crl: "a5".repeat(400) },
    "a PCK list with a flipped signature": { pck_crl: flipLast(pckCrl) },
    "a root list with a flipped signature": { root_ca_crl: flipLast(rootCrl) },
    "a PCK list cut short": { pck_crl: pckCrl.slice(0, -40) },
    "the root's list for the PCK's": { pck_crl: rootCrl },
    "the PCK's list for the root's": { root_ca_crl: pckCrl },
    "lists that are not hex": { pck_crl: "no hex", root_ca_crl: "no hex" },
    "TCB info of another platform": {
      tcb_info: other["tcb_info"],
      tcb_info_signature: other["tcb_info_signature"],
      tcb_info_issuer_chain: other["tcb_info_issuer_chain"],
    },
    "TCB info with one character changed": { tcb_info: tcbInfo.replace("UpToDate", "upToDate") },
    "TCB info with a space behind it": { tcb_info: `${tcbInfo} ` },
    "a flipped signature of TCB info": { tcb_info_signature: flipLast(sound["tcb_info_signature"] ?? "") },
    "a QE identity with one character changed": { qe_identity: qeIdentity.replace("UpToDate", "upToDate") },
    "TCB info in the place of the QE identity": {
      qe_identity: tcbInfo,
      qe_identity_signature: sound["tcb_info_signature"],
      qe_identity_issuer_chain: sound["tcb_info_issuer_chain"],
    },
    "the list's chain as the signer's": { tcb_info_issuer_chain: sound["pck_crl_issuer_chain"] },
    "a signer's chain without the root": {
      tcb_info_issuer_chain: (sound["tcb_info_issuer_chain"] ?? "").replace(/(END CERTIFICATE-----\s).*/s, "$1"),
    },
    "a signer's chain backwards": {
      tcb_info_issuer_chain: (sound["tcb_info_issuer_chain"] ?? "")
        .match(/-----BEGIN.*?-----END CERTIFICATE-----\s*/gs)
        ?.toReversed()
        .join(""),
    },
    "no chain for the PCK list": { pck_crl_issuer_chain: "" },
  };
  const forged = Object.entries(forgeries).map(([name, members]) => ({
    source: "forged",
    name,
    quote,
    collateral: { ...sound, ...(members as Record<string, string>) },
    nowMs: Date.parse(SOUND.at),
  }));
  const nowMs = Date.parse(SOUND.at);
  const at = (name: string, moment: number) => ({ source: "time", name, quote, collateral: sound, nowMs: moment });
  const as = (name: string, changed: string) => ({ source: "quote", name, quote: changed, collateral: sound, nowMs });
  return [
    ...forged,
    at("1970", 0),
    at("a year before the collateral", Date.parse("2024-10-21T00:00:00Z")),
    at("a year after it", Date.parse("2026-10-21T00:00:00Z")),
    at("not a number", Number.NaN),
    as("a byte behind it", `${quote}01`),
    as("zeros behind it", `${quote}${"00".repeat(2000)}`),
    as("cut short", quote.slice(0, 3000)),
    as("of another QE vendor", `${quote.slice(0, 24)}${"00".repeat(16)}${quote.slice(56)}`),
  ];
}

/** The negative corpus as a software TEE mints it, without those cases that turn on a policy or on what was seen before. */
export async function mintedCases(): Promise<DifferentialCase[]> {
  const inputs = await mintedInputs();
  return inputs.flatMap(({ name, quote, endorsements, tcb, allow, remembered, nowMs, trustRoots: [root = ""] }) =>
    tcb || allow || remembered || !endorsements
      ? []
      : [{ source: `minted: ${name.split(": ")[0]}`, name, quote, collateral: { ...endorsements }, nowMs, root }],
  );
}

/** The same hex with the last byte's lowest bit turned. */
function flipLast(hex: string): string {
  return hex.slice(0, -1) + (Number.parseInt(hex.slice(-1), 16) ^ 1).toString(16);
}
