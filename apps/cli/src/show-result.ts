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

/** The whole of a result on a screen: verdict, basis, every check, what is proven, who could still read, verdict. */
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
  line();
  showChecks(terminal, result, { all });
  showClaims(terminal, result, { all });
  showReaders(terminal, result.couldRead);
  line();
  showVerdict(terminal, subject, result);
}
