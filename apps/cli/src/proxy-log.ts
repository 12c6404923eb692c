import { printableJson } from "@bauta/client";
import type { RequestLine } from "@bauta/proxy";
import type { Terminal } from "./terminal.ts";

const OUTCOME_MARKS = { verified: "✓ verified", incomplete: "– incomplete", unverified: "✗ unverified" } as const;

/** One request in a line, for a person. It holds names and numbers, and nothing of what was asked or answered. */
export function showRequestLine(terminal: Terminal, line: RequestLine, now: Date): void {
  const { dim, good, bad, warn } = terminal;
  const { method, path, status, ms, model, protection, simulated, outcome, promptTokens, completionTokens, code } = line;
  const style = { verified: good, incomplete: warn, unverified: bad };
  const parts = [
    `${dim(now.toISOString().slice(11, 19))} ${method} ${path} ${status < 400 ? status : bad(String(status))}`,
    model,
    protection && (protection === "sealed" ? protection : warn(protection)),
    outcome && style[outcome](OUTCOME_MARKS[outcome]),
    simulated && warn("SIMULATED"),
    code && bad(code),
    `${Math.round(ms)} ms`,
    promptTokens !== undefined && completionTokens !== undefined && dim(`${promptTokens} + ${completionTokens} tokens`),
  ].filter(Boolean);
  terminal.line(parts.join(" · "));
}

/** The same as a line of JSON. */
export function toRequestJson(line: RequestLine, now: Date): string {
  const { method, path, status, ms, model, protection, simulated, outcome, promptTokens, completionTokens, code } = line;
  return printableJson({
    time: now.toISOString(),
    method,
    path,
    status,
    ms: Math.round(ms),
    model: model ?? null,
    protection: protection ?? null,
    simulated: simulated ?? false,
    outcome: outcome ?? null,
    prompt_tokens: promptTokens ?? null,
    completion_tokens: completionTokens ?? null,
    code: code ?? null,
  });
}
