import type { Check } from "@bauta/attestation";

/** Checks of one subject, in the order of the result. */
export interface CheckGroup {
  readonly title: string;
  readonly checks: readonly Check[];
}

/** A check belongs to the first group that knows its id. */
const GROUPS: readonly (readonly [title: string, ids: RegExp])[] = [
  ["Freshness and binding", /^(?:nonce|keys?)\./],
  ["Intel TDX: quote", /^tdx\.(?:parse|quote-signature|attestation-key-bound|qe-report-signature|pck-chain|pck-crl|root-crl)$/],
  ["Intel TDX: collateral", /^tdx\./],
  ["Intel TDX: TD state", /^td\./],
  ["Measurements", /^(?:measure|weights)\./],
  ["dstack", /^(?:eventlog|dstack)\./],
  ["GPU", /^gpu\./],
  ["Supply chain", /^image\./],
  ["Session", /^(?:receipt|server)\./],
  // An id of a later version must not vanish.
  ["Other", /^/],
];

/** Sorts checks by what they are about; every check is in one group, and no group is empty. */
export function groupChecks(checks: readonly Check[]): readonly CheckGroup[] {
  const titleOf = ({ id }: Check) => GROUPS.find(([, ids]) => ids.test(id))?.[0];
  return GROUPS.map(([title]) => ({ title, checks: checks.filter((check) => titleOf(check) === title) })).filter(
    (group) => group.checks.length > 0,
  );
}

/** `5 passed, 1 failed, 2 not made`; kinds that do not occur are left out. */
export function countChecks(checks: readonly Check[]): string {
  const count = (status: Check["status"], words: string) => {
    const number = checks.filter((check) => check.status === status).length;
    return number > 0 ? [`${number} ${words}`] : [];
  };
  return [...count("pass", "passed"), ...count("fail", "failed"), ...count("not-checked", "not made")].join(", ");
}
