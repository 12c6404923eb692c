import type { AttestationResult, Check } from "@bauta/attestation";
import { printableLine } from "@bauta/client";
import { type CheckGroup, countChecks, groupChecks } from "./check-groups.ts";
import type { Terminal } from "./terminal.ts";
import { splitWord, wrapText } from "./wrap-text.ts";

/** Below this width reasons stand under their checks, not beside them. */
const MIN_TABLE_COLUMNS = 64;
/** In front of an id: mark, and whether the check is required. */
const INDENT_COLUMNS = 6;
/** The mark in front says so already. */
const NOT_CHECKED = /^not checked: /;
/** This many checks that were not made for one and the same reason become one line. */
const MIN_FOLDED = 3;

export interface ShowChecksOptions {
  /** False folds checks that were not made for the same reason into one line. */
  readonly all: boolean;
}

/** One line of the table. */
interface Row extends Pick<Check, "status" | "required" | "reason" | "detail"> {
  readonly label: string;
}

/**
 * Every check with its mark, its reason and whether it is required, by what it is about. Groups of which nothing was
 * made and nothing is required come last, a line each, unless all are wanted.
 */
export function showChecks(
  terminal: Terminal,
  result: Pick<AttestationResult, "checks">,
  { all }: ShowChecksOptions = { all: true },
): void {
  const groups = groupChecks(result.checks);
  const idle = (group: CheckGroup) => !all && group.checks.every(({ status, required }) => status === "not-checked" && !required);
  const tables = groups
    .filter((group) => !idle(group))
    .map((group) => ({ title: group.title, counts: countChecks(group.checks), rows: toRows(group.checks, all) }));
  const left = groups.filter(idle).map((group) => toIdleRow(group));
  if (left.length > 0)
    tables.push({ title: "Not judged", counts: countChecks(groups.filter(idle).flatMap(({ checks }) => checks)), rows: left });

  const { line, good, bad, dim } = terminal;
  const labelColumns = Math.max(...tables.flatMap(({ rows }) => rows.map(({ label }) => label.length)));
  const passed = result.checks.some(({ status }) => status === "pass") ? `${good("✓")} passed   ` : "";
  line(dim(`${passed}${bad("✗")} failed   – not made   • required`));
  for (const { title, counts, rows } of tables) {
    line();
    showHeading(terminal, title, counts);
    for (const row of rows) showRow(terminal, row, labelColumns, all);
  }
}

/** A title, and at the end of its line what came of it. */
export function showHeading(terminal: Terminal, title: string, summary = ""): void {
  const gap = Math.max(2, terminal.width - title.length - summary.length);
  terminal.line(terminal.bold(title) + (summary && " ".repeat(gap) + terminal.dim(summary)));
}

function toRows(checks: readonly Check[], all: boolean): readonly Row[] {
  const sameReason = (check: Check) =>
    checks.filter(({ status, required, reason }) => status === "not-checked" && required === check.required && reason === check.reason);
  return checks.flatMap((check) => {
    const same = all || check.status !== "not-checked" ? [] : sameReason(check);
    if (same.length < MIN_FOLDED) return [{ ...check, label: check.id }];
    const { status, required, reason } = check;
    return same[0] === check ? [{ status, required, reason, label: nameTogether(same) }] : [];
  });
}

/** `4 checks: measure.*`, or their number alone where their ids begin differently. */
function nameTogether(checks: readonly Check[]): string {
  const [kind = "", ...others] = new Set(checks.map(({ id }) => id.split(".", 1)[0]));
  return others.length === 0 ? `${checks.length} checks: ${kind}.*` : `${checks.length} checks`;
}

function toIdleRow({ title, checks }: CheckGroup): Row {
  const reasons = [...new Set(checks.map(({ reason }) => reason.replace(NOT_CHECKED, "")))];
  const reason = reasons.length <= 2 ? reasons.join("; ") : `${reasons[0] ?? ""}; and ${reasons.length - 1} more reasons (--all)`;
  return { label: `${title} (${checks.length})`, status: "not-checked", required: false, reason };
}

function showRow(terminal: Terminal, { label, status, required, reason, detail }: Row, labelColumns: number, all: boolean): void {
  const { line, good, bad, warn, dim, bold, width } = terminal;
  const beside = width >= MIN_TABLE_COLUMNS;
  const textAt = beside ? INDENT_COLUMNS + labelColumns + 2 : INDENT_COLUMNS;
  const textColumns = Math.max(16, width - textAt);
  const waits = status === "not-checked" && required;
  const mark = status === "pass" ? good("✓") : status === "fail" ? bad("✗") : waits ? warn("–") : dim("–");
  const style = {
    label: status === "fail" ? bold : status === "not-checked" && !required ? dim : same,
    text: status === "fail" || waits ? same : dim,
  };
  const lines = wrapText(printableLine(reason).replace(NOT_CHECKED, ""), textColumns);
  const first = beside ? lines.shift() : undefined;
  line(
    `  ${mark} ${required ? "•" : " "} ${first === undefined ? style.label(label) : `${style.label(label.padEnd(labelColumns))}  ${style.text(first)}`}`,
  );
  for (const more of lines) line(" ".repeat(textAt) + style.text(more));
  if (detail && (status === "fail" || all)) showDetail(terminal, detail, textAt, textColumns);
}

function showDetail(terminal: Terminal, detail: Readonly<Record<string, string>>, textAt: number, columns: number): void {
  const names = Object.keys(detail).map((name) => printableLine(name, 24));
  const nameColumns = Math.max(...names.map(({ length }) => length)) + 2;
  for (const [i, value] of Object.values(detail).entries()) {
    const pieces = printableLine(value)
      .split(" ")
      .flatMap((word) => splitWord(word, Math.max(8, columns - nameColumns)));
    for (const [j, piece] of pieces.entries())
      terminal.line(" ".repeat(textAt) + terminal.dim((j === 0 ? (names[i] ?? "") : "").padEnd(nameColumns) + piece));
  }
}

function same(text: string): string {
  return text;
}
