import type { AttestationResult } from "@bauta/attestation";
import { showObstacles, type ShownVerdict, showVerdict } from "./show-attestation.ts";
import { showChecks } from "./show-checks.ts";
import { showClaims, showReaders } from "./show-claims.ts";
import { showFact } from "./show-fact.ts";
import type { Terminal } from "./terminal.ts";
import { wrapText } from "./wrap-text.ts";

/** A result with what it was reached from. */
export interface ShownResult {
  /** The model's id or the file that was judged. */
  readonly subject: string;
  readonly result: ShownVerdict & Pick<AttestationResult, "claims" | "stated" | "couldRead">;
  /** What the appraisal rested on, by name: moment, collateral, policy. */
  readonly basis: readonly (readonly [name: string, text: string])[];
  /** Sentences that a reader must not miss. */
  readonly notes: readonly string[];
  /** Show what is folded away otherwise. */
  readonly all: boolean;
}

/** What a person should know of a result: who could still read, and which checks failed or were not made. */
export function showOpen(terminal: Terminal, { couldRead, checks }: Pick<AttestationResult, "couldRead" | "checks">): void {
  showReaders(terminal, couldRead);
  terminal.line();
  const open = checks.filter(({ status }) => status !== "pass");
  if (open.length > 0) showChecks(terminal, { checks: open }, { all: false });
}

/**
 * A result on a screen: the verdict, what it rests on, who could still read, and what failed or was not made. All of it, if that
 * is wanted: every check, what is proven and what is only said, and the verdict once more.
 */
export function showResult(terminal: Terminal, { subject, result, basis, notes, all }: ShownResult): void {
  const { line } = terminal;
  showVerdict(terminal, subject, result);
  showObstacles(terminal, result);
  line();
  for (const [name, text] of basis) showFact(terminal, name, [text]);
  for (const note of notes) {
    line();
    for (const text of wrapText(note, Math.max(16, terminal.width - 2))) line(`  ${terminal.warn(text)}`);
  }
  if (!all) {
    showOpen(terminal, result);
    line();
    line(terminal.dim("--all shows every check, --json all of it"));
    return;
  }
  showReaders(terminal, result.couldRead);
  line();
  showChecks(terminal, result, { all });
  showClaims(terminal, result, { all });
  line();
  showVerdict(terminal, subject, result);
}
