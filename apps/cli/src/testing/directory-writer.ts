import { createCollateralDirectory } from "../collateral-directory.ts";

/** A process that writes into a collateral directory over and over, until it is killed or has done its rounds. */
const [path = "", own = "", rounds = "0"] = process.argv.slice(2);
const directory = createCollateralDirectory(path, { onWarning: (warning) => process.send?.(`warning: ${warning}`) });
const filler = own.repeat(20_000);
const members = [
  "tcb_info",
  "tcb_info_signature",
  "tcb_info_issuer_chain",
  "qe_identity",
  "qe_identity_signature",
  "qe_identity_issuer_chain",
];
const collateral = Object.fromEntries(
  [...members, "pck_crl", "pck_crl_issuer_chain", "root_ca_crl"].map((name) => [name, `${own}:${filler}`]),
);

for (let round = 1; round <= Number(rounds); round++) {
  await directory.put("shared", { collateral: collateral as never, fetchedMs: round });
  // Odd numbers by one process and even ones by the other; each raises a key of its own as well.
  await directory.raise({ qe: String(round * 2 + Number(own)), [`crl:${own}`]: String(round) });
  const read = await directory.get("shared");
  const parts = new Set(Object.values(read?.collateral ?? {}).map((text) => `${text.slice(0, 2)}${text.length}`));
  if (parts.size !== 1) process.send?.(`warning: a set of ${parts.size} kinds`);
  if (round === 5) process.send?.("under way");
}
process.disconnect?.();
