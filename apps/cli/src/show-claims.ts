import type { AttestationResult } from "@bauta/attestation";
import { printableLine } from "@bauta/client";
import { showHeading } from "./show-checks.ts";
import { showFact } from "./show-fact.ts";
import { showGpus } from "./show-gpus.ts";
import type { Terminal } from "./terminal.ts";
import { wrapText } from "./wrap-text.ts";

/** Claims that are always shown, in this order, by the names that people know. */
const LABELS: Readonly<Record<string, string>> = {
  build: "build",
  tcb_status: "TCB status",
  tcb_date: "TCB date",
  advisories: "advisories",
  tcb_evaluation_number: "evaluation no.",
  collateral_expires: "collateral until",
  fmspc: "platform FMSPC",
  signing_address: "key address",
  mrtd: "MRTD",
  rtmr0: "RTMR0",
  rtmr1: "RTMR1",
  rtmr2: "RTMR2",
  rtmr3: "RTMR3",
  compose_hash: "compose hash",
  images: "images",
  app_id: "app id",
  os_image_hash: "OS image hash",
  key_provider: "key provider",
  weights: "weights",
};

/**
 * What is proven, then what the server merely says.
 * @param options `all` also shows claims that few people compare
 */
export function showClaims(
  terminal: Terminal,
  { claims, stated }: Pick<AttestationResult, "claims" | "stated">,
  options: { readonly all: boolean },
): void {
  const known = Object.keys(LABELS).filter((name) => name in claims);
  // GPUs have a table of their own.
  const others = Object.keys(claims).filter((name) => !(name in LABELS) && name !== "gpus");
  showFacts(terminal, "Proven", pick(claims, options.all ? [...known, ...others] : known));
  showGpus(terminal, claims.gpus ?? []);
  showFacts(terminal, "Said by the server, not proven", pick(stated, Object.keys(stated)));
}

/** Who could still read what is sent, a sentence each. */
export function showReaders(terminal: Terminal, couldRead: readonly string[]): void {
  if (couldRead.length === 0) return;
  terminal.line();
  showHeading(terminal, "Who could still read what you send");
  for (const sentence of couldRead) {
    const lines = wrapText(printableLine(sentence), Math.max(16, terminal.width - 4));
    for (const [i, text] of lines.entries()) terminal.line(`  ${i === 0 ? terminal.warn("•") : " "} ${text}`);
  }
}

type Facts = readonly (readonly [label: string, values: readonly string[]])[];

function pick(values: object, names: readonly string[]): Facts {
  return names.map((name) => [LABELS[name] ?? name.replaceAll("_", " "), toTexts((values as Record<string, unknown>)[name])]);
}

/** A claim as texts of a line each. */
function toTexts(value: unknown): readonly string[] {
  if (typeof value === "string") return [value.replace(/(T\d\d:\d\d:\d\d)\.000Z$/, "$1Z")];
  if (typeof value === "number" || typeof value === "boolean") return [String(value)];
  if (Array.isArray(value)) return value.length === 0 ? ["none"] : value.flatMap(toTexts);
  if (typeof value === "object" && value !== null)
    return [
      Object.values(value as Record<string, unknown>)
        .flatMap(toTexts)
        .join(" "),
    ];
  return [];
}

/** Names and values in two columns; long values go on under themselves. */
function showFacts(terminal: Terminal, title: string, facts: Facts): void {
  if (facts.length === 0) return;
  terminal.line();
  showHeading(terminal, title);
  for (const [label, values] of facts) showFact(terminal, label, values);
}
