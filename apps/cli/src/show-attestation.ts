import type { AttestationResult, Check } from "@bauta/attestation";
import { printableLine } from "@bauta/client";
import { type Terminal } from "./terminal.ts";

/** Words that stand wherever a result is shown. */
export function standing({ simulated, debug, pinned }: Pick<AttestationResult, "simulated" | "debug" | "pinned">): string {
  return [simulated && "SIMULATED", debug && "DEBUG", !pinned && "UNPINNED"].filter(Boolean).join(" ");
}

/** A few lines: the verdict, what was proven, what was not, and what failed with its reason. */
export function showAttestation(terminal: Terminal, model: string, result: AttestationResult): void {
  const { line, good, bad, warn, dim, bold } = terminal;
  const count = (status: Check["status"]) => result.checks.filter((check) => check.status === status).length;
  const counts = `${count("pass")} checks passed, ${count("fail")} failed, ${count("not-checked")} not made`;
  const words = standing(result);
  line(
    `${result.ok ? good("✓") : bad("✗")} ${bold(printableLine(model))} ${result.ok ? "attested" : "NOT acceptable"}${words ? ` ${warn(words)}` : ""} ${dim(`(${counts})`)}`,
  );
  for (const check of result.checks) {
    const counts = check.status === "fail" || (check.required && check.status === "not-checked");
    if (counts) line(`  ${check.status === "fail" ? bad("✗") : warn("–")} ${check.id}: ${printableLine(check.reason)}`);
  }
  const { signing_address: address, mrtd, compose_hash: compose, build } = result.claims;
  const claim = (name: string, value: string | undefined) =>
    value !== undefined && line(dim(`  ${name.padEnd(13)}${printableLine(value)}`));
  if (result.ok) {
    claim("build", build);
    claim("key", address);
    claim("MRTD", mrtd && `${mrtd.slice(0, 32)}…`);
    claim("compose hash", compose && `${compose.slice(0, 32)}…`);
  }
}

/** Every check with its reason, for whoever wants all of it. Long reasons go on under themselves. */
export function showChecks(terminal: Terminal, result: AttestationResult): void {
  const width = Math.max(...result.checks.map(({ id }) => id.length));
  const marks = { pass: terminal.good("✓"), fail: terminal.bad("✗"), "not-checked": terminal.dim("–") };
  const indent = 2 + width + 2;
  for (const { id, status, required, reason } of result.checks) {
    const [first = "", ...more] = wrap(
      printableLine(required && status !== "pass" ? `REQUIRED: ${reason}` : reason),
      Math.max(20, terminal.width - indent),
    );
    const text = [`${id.padEnd(width)}  ${first}`, ...more.map((line) => " ".repeat(indent) + line)].join("\n");
    terminal.line(`${marks[status]} ${status === "not-checked" ? terminal.dim(text) : text}`);
  }
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
