// Writes spec/vectors/*.json with an implementation of its own: noble's primitives, and nothing of packages/protocol,
// so that a fault there cannot hide in the vectors. `--check` compares instead of writing and exits with 1 on a difference.
// Everything is derived from labels, so a second run gives the same bytes.
import { readFile, writeFile } from "node:fs/promises";
import { envelopeVectors } from "./vectors/envelopes.mjs";
import { keyVectors, reportDataVectors } from "./vectors/keys.mjs";
import { keysStatementVectors } from "./vectors/keys-statement.mjs";
import { receiptVectors, signedTextVectors } from "./vectors/signed.mjs";
import { streamVectors } from "./vectors/streams.mjs";

const files = {
  "envelope.json": envelopeVectors,
  "keys.json": keyVectors,
  "report-data.json": reportDataVectors,
  "signed-text.json": signedTextVectors,
  "receipt.json": receiptVectors,
  "keys-statement.json": keysStatementVectors,
  "response-stream.json": streamVectors,
};
const check = process.argv.includes("--check");
for (const [name, make] of Object.entries(files)) {
  const url = new URL(`../spec/vectors/${name}`, import.meta.url);
  const text = `${JSON.stringify(make(), null, 2)}\n`;
  if (!check) await writeFile(url, text);
  else if ((await readFile(url, "utf8").catch(() => "")) !== text) {
    console.error(`spec/vectors/${name} differs from what scripts/make-vectors.mjs writes: run it, and look at the difference`);
    process.exitCode = 1;
  }
}
