import type { AttestationResult, Check } from "@bauta/attestation";
import { printableLine } from "@bauta/client";
import { showFact } from "./show-fact.ts";
import { summariseGpus } from "./show-gpus.ts";
import type { Terminal } from "./terminal.ts";
import { wrapText } from "./wrap-text.ts";

export { showChecks } from "./show-checks.ts";

/** Failed checks that stand under a verdict; the table has all of them. */
const MAX_REASONS = 6;

/** What of a result a verdict is shown from: an enclave's, a platform's, or that of GPUs by themselves. */
export interface ShownVerdict extends Pick<AttestationResult, "ok" | "simulated" | "debug" | "pinned" | "checks"> {
  readonly scope: AttestationResult["scope"] | "gpus";
}

const OUTCOMES: Readonly<Record<ShownVerdict["scope"], readonly [ok: string, not: string]>> = {
  enclave: ["attested", "NOT acceptable"],
  platform: ["platform acceptable", "platform NOT acceptable"],
  gpus: ["GPUs acceptable", "GPUs NOT acceptable"],
};

/** Words that stand wherever a result is shown. */
export function standing({ simulated, debug, pinned }: Pick<AttestationResult, "simulated" | "debug" | "pinned">): string {
  return [simulated && "SIMULATED", debug && "DEBUG", !pinned && "UNPINNED"].filter(Boolean).join(" ");
}

/**
 * The verdict in a line, two where it is narrow: what was judged, how it ended, and how many checks say so.
 * @param subject the model's id or the file
 */
export function showVerdict(terminal: Terminal, subject: string, result: ShownVerdict): void {
  const { line, good, bad, warn, dim, bold, width } = terminal;
  const name = printableLine(subject, 60);
  const outcome = OUTCOMES[result.scope][result.ok ? 0 : 1];
  // Neither a platform nor GPUs are measured against builds, so that they are not pinned goes without saying.
  const words = standing(result.scope === "enclave" ? result : { ...result, pinned: true });
  const count = (status: Check["status"]) => result.checks.filter((check) => check.status === status).length;
  const counts = `(${count("pass")} checks passed, ${count("fail")} failed, ${count("not-checked")} not made)`;
  const plain = ["✓", name, outcome, words].filter(Boolean).join(" ");
  const shown = `${result.ok ? good("✓") : bad("✗")} ${bold(name)} ${outcome}${words ? ` ${warn(words)}` : ""}`;
  if (plain.length + 1 + counts.length <= width) line(`${shown} ${dim(counts)}`);
  else {
    line(shown);
    line(`  ${dim(counts)}`);
  }
}

/** What stands against a result: the checks that failed, or else those that had to be made and were not. */
export function showObstacles(terminal: Terminal, { checks }: Pick<AttestationResult, "checks">): void {
  const { line, bad, warn, dim, width } = terminal;
  const failed = checks.filter(({ status }) => status === "fail");
  const missing = checks.filter(({ status, required }) => required && status === "not-checked");
  const shown = failed.length > 0 ? failed : missing;
  const columns = Math.max(16, width - 4);
  for (const { id, status, reason } of shown.slice(0, MAX_REASONS)) {
    // Three lines of each: a check that has several faults names them all in the table.
    const [first = "", ...more] = wrapText(printableLine(`${id}: ${reason}`, columns * 3 - 16), columns);
    line(`  ${status === "fail" ? bad("✗") : warn("–")} ${first}`);
    for (const text of more) line(`    ${text}`);
  }
  const rest = [
    shown.length > MAX_REASONS && `${shown.length - MAX_REASONS} more ${failed.length > 0 ? "failed" : "that must pass were not made"}`,
    failed.length > 0 && missing.length > 0 && `${missing.length} that must pass could not be made`,
  ].filter(Boolean);
  if (rest.length > 0) line(`  ${warn("–")} ${dim(`and ${rest.join(", ")}`)}`);
}

/** A few lines: the verdict, what stands against it, and who was attested. */
export function showAttestation(terminal: Terminal, model: string, result: AttestationResult): void {
  showVerdict(terminal, model, result);
  showObstacles(terminal, result);
  if (!result.ok) return;
  const { build, tcb_status: tcb, signing_address: address, mrtd, compose_hash: compose, gpus } = result.claims;
  const claim = (label: string, value: string | undefined) => value !== undefined && showFact(terminal, label, [value]);
  claim("build", build);
  claim("TCB status", tcb);
  claim("key address", address);
  claim("MRTD", mrtd && `${mrtd.slice(0, 32)}…`);
  claim("compose hash", compose && `${compose.slice(0, 32)}…`);
  if (gpus) showFact(terminal, "GPUs", summariseGpus(gpus));
}
