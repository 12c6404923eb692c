import type { Build, Policy, PolicyDifference } from "@bauta/attestation";
import { printableLine } from "@bauta/client";
import type { Terminal } from "./terminal.ts";
import { wrapText } from "./wrap-text.ts";

const LABEL_WIDTH = 15;
const PROTOCOLS = { 1: "1: each message is sealed", 2: "2: requests are sealed whole, and nothing falls back" } as const;
const VALUES = ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "compose_hash", "os_image_hash", "key_provider"] as const;

export interface ShownPolicy {
  /** The built-in one's name, or the file. */
  readonly name: string;
  readonly about: string | undefined;
  readonly policy: Policy;
}

/** A policy for people: what it asks of the platform, what it lets through, and its builds, values in full. */
export function showPolicy(terminal: Terminal, { name, about, policy }: ShownPolicy, nowMs: number): void {
  const { line, bold, warn, dim } = terminal;
  const fact = (label: string, text: string) => line(`  ${dim(label.padEnd(LABEL_WIDTH))}${text}`);
  line(`${bold(printableLine(name))}${policy.provider === undefined ? "" : `  ${printableLine(policy.provider)}`}`);
  if (about !== undefined) for (const text of wrapText(about, terminal.width - 2)) line(`  ${text}`);
  const { accept, min_evaluation_number: least, refuse_advisories: refused } = policy.tcb;
  fact("TCB status", accept.join(", "));
  if (least !== undefined) fact("collateral", `TCB evaluation data number ${least} or more`);
  if (refused.length > 0) fact("refuses", refused.join(", "));
  const { count, archs, allow_hold: hold } = policy.gpu;
  if (count !== undefined || archs) fact("GPUs", `${count ?? "any number"}, ${archs?.join(" or ") ?? "any architecture"}`);
  if (policy.protocol !== undefined) fact("protocol", PROTOCOLS[policy.protocol]);
  const required = policy.require.length > 0 ? wrapText(policy.require.join(", "), terminal.width - LABEL_WIDTH - 2) : [];
  for (const [i, text] of required.entries()) fact(i === 0 ? "requires" : "", text);
  const weaknesses = Object.entries(policy.allow).flatMap(([weakness, allowed]) => (allowed ? [weakness] : []));
  const allowed = hold ? [...weaknesses, "GPUs whose certificates are on hold"] : weaknesses;
  if (allowed.length > 0) fact("ALLOWS", warn(allowed.join(", ")));
  if (policy.measurements === "any") fact("builds", warn("UNPINNED: any measurements, so any TDX machine passes"));
  else if (policy.builds.length === 0) fact("builds", warn("none, so nothing passes"));
  for (const build of policy.builds) showBuild(terminal, build, nowMs, fact);
}

function showBuild({ line, bold, dim, warn }: Terminal, build: Build, nowMs: number, fact: (label: string, text: string) => void): void {
  line();
  const ended = build.expires !== undefined && nowMs >= Date.parse(build.expires);
  const until = build.expires === undefined ? "" : ended ? warn(` EXPIRED on ${build.expires}`) : dim(` until ${build.expires}`);
  line(`  ${bold(printableLine(build.name))}${until}`);
  fact("source", `${printableLine(build.source)}, ${build.date}`);
  for (const name of VALUES) {
    const value = build[name];
    if (value !== undefined) fact(name, printableLine(value));
  }
  for (const image of build.images ?? []) fact("image", `sha256:${image}`);
}

/** Each value that differs, both sides of it in full and above one another. */
export function showDifference({ line, dim, bold }: Terminal, { values }: PolicyDifference): void {
  for (const { name, expected, actual } of values) {
    line(`  ${bold(name)}`);
    line(`    ${dim("policy ")} ${printableLine(expected)}`);
    line(`    ${dim("enclave")} ${actual === undefined ? "proves none" : printableLine(actual)}`);
  }
}
