import { receiptAttacks } from "./attack-receipt.ts";
import type { ConformanceCase } from "./case.ts";
import type { JsonObject } from "./relayed-answer.ts";

/** Changes nothing in a receipt of version 2, whose envelopes are none. */
const OF_VERSION_1: ReadonlySet<string> = new Set(["receipt/tampered-envelopes-sha256", "receipt/text-of-other-hashes"]);

const served = (
  id: string,
  cases: readonly string[],
  title: string,
  signature: NonNullable<ConformanceCase["misbehaviour"]["signature"]>,
): ConformanceCase => ({ id: `v2-receipt/${id}`, cases, title, protocol: 2, expected: "unverified", misbehaviour: { signature } });

/** Receipts are served only: within a sealed answer there is none. */
export const sealedReceiptAttacks: readonly ConformanceCase[] = [
  ...receiptAttacks.flatMap(({ id, misbehaviour: { signature }, ...attack }): ConformanceCase[] =>
    signature === undefined || OF_VERSION_1.has(id) ? [] : [{ ...attack, id: `v2-${id}`, protocol: 2, misbehaviour: { signature } }],
  ),
  served(
    "of-earlier-sealed",
    ["17d"],
    "gives the receipt of an earlier sealed answer",
    (_genuine, { genuine }) => genuine.earlierSealed.signature,
  ),
  served(
    "with-envelopes",
    ["18"],
    "puts the hash of envelopes into the receipt",
    (genuine) => genuine && { ...genuine, receipt: { ...(genuine["receipt"] as JsonObject), envelopes_sha256: "00".repeat(32) } },
  ),
  served("signature-stripped", ["17c"], "leaves the receipt's signature out", ({ receipt_signature: _signature, ...rest } = {}) => rest),
  served("unavailable", ["17c"], "says that receipts cannot be had just now", () => ({ status: 503, headers: {}, body: "" })),
];
