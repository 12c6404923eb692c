import type { Simulator } from "@bauta/simulator";
import type { ConformanceCase, Misbehaviour, Scene } from "./case.ts";
import type { JsonObject } from "./relayed-answer.ts";

type Machine = NonNullable<Misbehaviour["machine"]>;
type Faults = NonNullable<Machine["faults"]>;

const refused = (id: string, cases: readonly string[], title: string, misbehaviour: Misbehaviour): ConformanceCase => ({
  id: `platform/${id}`,
  cases,
  title,
  expected: "refused",
  misbehaviour,
});
/** A provider's own TD, whose key it knows, on a machine of which Intel would say otherwise. */
const machine = (id: string, cases: readonly string[], title: string, options: Machine) => refused(id, cases, title, { machine: options });
const faulty = (id: string, cases: readonly string[], title: string, faults: Faults) => machine(id, cases, title, { faults });
/** The genuine enclave's answer with another set of collateral beside it. */
const collateral = (id: string, title: string, change: (genuine: JsonObject, scene: Scene) => JsonObject | undefined) =>
  refused(`collateral-${id}`, id.startsWith("qe") ? ["6"] : ["7"], title, {
    attest: ({ endorsements, ...genuine }, _asked, scene) => {
      const changed = change(endorsements as JsonObject, scene);
      return changed ? { ...genuine, endorsements: changed } : genuine;
    },
  });

const DAY_MS = 86_400_000;
const levelOf = (tcbStatus: string) => ({
  content: <T extends { readonly tcbLevels: readonly object[] }>(document: T) => ({
    ...document,
    tcbLevels: document.tcbLevels.map((level) => ({ ...level, tcbStatus })),
  }),
});

/** Evidence of a machine that no longer deserves trust, or whose good standing nobody vouches for. */
export const platformAttacks: readonly ConformanceCase[] = [
  // The TCB
  ...["OutOfDate", "OutOfDateConfigurationNeeded", "SWHardeningNeeded", "ConfigurationNeeded", "Revoked", "Splendid"].map((status) =>
    faulty(`tcb-${status}`, ["5"], `quotes from a machine whose level is ${status}`, { tcbInfo: levelOf(status) }),
  ),
  faulty("tcb-below-all-levels", ["5"], "quotes from a machine below all levels that Intel knows", {
    certifiedMachine: { pceSvn: 0 },
  }),
  faulty("qe-outdated", ["5", "6"], "has an outdated quoting enclave sign its quotes", { qeIdentity: levelOf("OutOfDate") }),
  faulty("unknown-module", ["5"], "runs a TDX module that Intel does not know", { teeTcbSvn: `05ff${"02".padEnd(28, "0")}` }),
  faulty("module-of-somebody", ["5"], "runs a TDX module that somebody else signed", { mrSignerSeam: "11".repeat(48) }),

  // The TD
  faulty("sept-ve", ["4"], "runs a TD into which its host can inject exceptions", { tdAttributes: "0000000000000000" }),
  faulty("migratable", ["4"], "runs a TD that can be moved to another host", { tdAttributes: "0000003000000000" }),
  faulty("protection-keys", ["4"], "runs a TD with supervisor protection keys", { tdAttributes: "0000005000000000" }),
  faulty("reserved-attribute", ["4"], "sets a reserved attribute of the TD", { tdAttributes: "0001001000000000" }),
  faulty("xfam", ["4"], "gives the TD processor state that no TD has", { xfam: "e7020600000000f0" }),
  machine("service-td", ["4"], "binds a service TD to the TD", { quoteFormat: "v5-td15", faults: { mrServiceTd: "22".repeat(48) } }),

  // The quoting enclave
  faulty("qe-of-somebody", ["6"], "has an enclave of its own certified, and lets it quote", { qeMrSigner: "33".repeat(32) }),
  faulty("qe-product", ["6"], "lets another enclave of Intel's quote", { qeProductId: 1 }),
  faulty("qe-debug", ["6"], "debugs the quoting enclave", { qeDebug: true }),

  // Revocation
  faulty("revoked-pck", ["7"], "quotes from a machine whose certificate was withdrawn", { pckCrl: { revoked: ["pck"] } }),
  faulty("revoked-pck-ca", ["7"], "quotes from a machine whose CA was withdrawn", { rootCrl: { revoked: ["pck-ca"] } }),
  faulty("revoked-tcb-signer", ["7"], "has a signer vouch that was withdrawn", { rootCrl: { revoked: ["tcb-signing"] } }),
  faulty("crl-unsigned", ["7"], "makes up a list that withdraws nothing", { pckCrl: { foreignSigner: true } }),
  faulty("crl-expired", ["7"], "shows a list of before its machine was withdrawn", {
    pckCrl: { thisUpdateMs: Date.UTC(2024, 0, 1), nextUpdateMs: Date.UTC(2024, 1, 1) },
  }),
  faulty("tcb-info-by-pck", ["5"], "has its machine's own key sign the TCB info", {
    tcbInfo: { signer: "pck", chain: ["pck", "pck-ca", "root"] },
  }),

  // What is served beside a genuine quote
  collateral("none", "leaves Intel's collateral out", () => undefined),
  collateral("empty-crl", "serves revocation lists without a byte", (genuine) => ({ ...genuine, pck_crl: "", root_ca_crl: "" })),
  collateral("garbage-crl", "serves garbage as a revocation list", (genuine) => ({ ...genuine, pck_crl: "00".repeat(300) })),
  collateral("swapped-crls", "serves one list in place of the other", (genuine) => ({
    ...genuine,
    pck_crl: genuine["root_ca_crl"],
    root_ca_crl: genuine["pck_crl"],
  })),
  collateral("edited-tcb-info", "rewrites a level of the TCB info", (genuine) => ({
    ...genuine,
    tcb_info: String(genuine["tcb_info"]).replaceAll("OutOfDate", "UpToDate "),
  })),
  collateral("reserialised-tcb-info", "writes the TCB info anew, with a space more", (genuine) => ({
    ...genuine,
    tcb_info: ` ${String(genuine["tcb_info"])}`,
  })),
  collateral("qe-identity-edited", "rewrites the QE identity", (genuine) => ({
    ...genuine,
    qe_identity: String(genuine["qe_identity"]).replace(/"isvprodid":\s*2/, '"isvprodid":3'),
  })),
  collateral("qe-identity-empty", "serves an empty QE identity", (genuine) => ({ ...genuine, qe_identity: "{}" })),
  collateral("expired", "serves collateral of last year", (_genuine, { genuine }) => issuedBefore(genuine.platform, 365)),
  collateral("future", "serves collateral of next year", (_genuine, { genuine }) => issuedBefore(genuine.platform, -365)),
];

function issuedBefore(platform: Simulator, days: number): JsonObject {
  return { ...platform.issueCollateral(Date.now() - days * DAY_MS) };
}
