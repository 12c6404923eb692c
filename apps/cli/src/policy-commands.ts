import {
  acceptBuild,
  assertProven,
  type AttestationResult,
  builtInPolicies,
  builtInPolicy,
  diffPolicy,
  parsePolicy,
  pinPolicy,
  type Policy,
  type PolicyDifference,
  surveyPolicy,
} from "@bauta/attestation";
import { printableJson, printableLine } from "@bauta/client";
import { CommandError, EXIT } from "./exit.ts";
import { formatOf, readPolicyFile, resolvePolicy } from "./policy-file.ts";
import { appraiseSubject, type Subject, type SubjectFlags } from "./policy-subject.ts";
import { renderPolicy, renderWithBuild } from "./policy-text.ts";
import { standing } from "./show-attestation.ts";
import { showDifference, showPolicy } from "./show-policy.ts";
import { createTerminal, type Terminal } from "./terminal.ts";
import { wrapText } from "./wrap-text.ts";
import { writeWholeFile } from "./write-file.ts";

export interface LabelFlags {
  readonly name?: string;
  readonly source?: string;
  readonly expires?: string;
}

export interface OutputFlags {
  readonly output?: string;
  readonly force?: true;
}

export type PinFlags = SubjectFlags & LabelFlags & OutputFlags & { readonly provider?: string; readonly allow?: readonly string[] };
export type DiffFlags = SubjectFlags & { readonly policy: string };
export type AcceptFlags = DiffFlags & LabelFlags & OutputFlags;

/** Writes a policy from what an enclave proves: to a file, or to standard output. */
export async function runPin(model: string | undefined, { output, ...others }: PinFlags): Promise<void> {
  // A dash is standard output, as elsewhere.
  const flags: PinFlags = output === undefined || output === "-" ? others : { ...others, output };
  const ofGpus = new Set(["gpu_hold"]);
  const weaknesses = flags.allow ?? [];
  const allow = Object.fromEntries(weaknesses.filter((weakness) => !ofGpus.has(weakness)).map((weakness) => [weakness, true]));
  const gpu = { allow_hold: weaknesses.includes("gpu_hold") };
  const subject = await appraiseSubject(model, flags, surveyPolicy({ allow: parsePolicy({ version: 1, allow }).allow, gpu }));
  const { result, host } = subject;
  const provider = flags.provider ?? host;
  const policy = pinPolicy(result, { ...labelsOf(subject, flags), ...(provider !== undefined && { provider }), allow, gpu });
  const text = renderPolicy(policy, flags.output === undefined ? "yaml" : formatOf(flags.output), leadOf(subject, result));
  if (flags.output !== undefined) await writeWholeFile(flags.output, text, { overwrite: flags.force === true });
  const { simulated } = result;
  if (flags.json) return print({ file: flags.output ?? null, simulated, policy });
  if (flags.output === undefined) process.stdout.write(text);
  // Beside a policy on standard output, words go where they are not part of it.
  const terminal = createTerminal(flags.output === undefined ? process.stderr : process.stdout);
  const { line, good, dim } = terminal;
  line(
    `${good("✓")} ${printableLine(subject.name)} pinned${mark(terminal, result)}${flags.output === undefined ? "" : ` in ${flags.output}`}`,
  );
  warnOfPlatform(terminal, result);
  line(dim("  It pins what answered this time: compare it with what the provider publishes."));
}

/** Says in which values an enclave differs from what a policy accepts; status 1 when it does. */
export async function runDiff(model: string | undefined, flags: DiffFlags): Promise<void> {
  const policy = await resolvePolicy(flags.policy);
  const subject = await appraiseSubject(model, flags, surveyPolicy(policy));
  assertProven(subject.result);
  const difference = diffPolicy(policy, subject.result, subject.nowMs);
  const same = difference.values.length === 0;
  if (!same) process.exitCode = EXIT.failed;
  const { simulated } = subject.result;
  if (flags.json) return print({ same, simulated, build: difference.build?.name ?? null, values: difference.values });
  showSubjectDifference(createTerminal(), subject, flags.policy, difference);
}

/** Adds an enclave's build to those that a policy accepts: in its file, or in another one. */
export async function runAccept(model: string | undefined, flags: AcceptFlags): Promise<void> {
  const builtIn = builtInPolicy(flags.policy);
  if (builtIn && flags.output === undefined)
    throw new CommandError(
      `${flags.policy} is built in and cannot be changed: give -o FILE for a policy of your own that begins with it`,
      EXIT.usage,
    );
  const file = builtIn ? undefined : await readPolicyFile(flags.policy);
  const before = builtIn ?? file?.policy ?? (await resolvePolicy(flags.policy));
  const subject = await appraiseSubject(model, flags, surveyPolicy(before));
  const { result, nowMs } = subject;
  const labels = labelsOf(subject, flags);
  const difference = diffPolicy(before, result, nowMs);
  const policy = acceptBuild(before, result, labels, nowMs);
  const build = policy.builds.at(-1);
  const path = flags.output ?? flags.policy;
  const inPlace = file !== undefined && file.format === formatOf(path);
  const text = inPlace && build ? renderWithBuild(file, build) : renderPolicy(policy, formatOf(path), leadOf(subject, result));
  await writeWholeFile(path, text, { overwrite: flags.output === undefined || flags.force === true });
  const { simulated } = result;
  if (flags.json) return print({ file: path, simulated, build, values: difference.values, policy });
  const terminal = createTerminal();
  showSubjectDifference(terminal, subject, flags.policy, difference);
  terminal.line(`${terminal.good("✓")} accepted${mark(terminal, result)} as build "${printableLine(labels.name)}" in ${path}`);
}

/** Shows a policy as it is enforced, with all that it leaves out filled in. */
export async function runShow(nameOrFile: string, flags: { readonly json?: true }): Promise<void> {
  const policy = await resolvePolicy(nameOrFile);
  if (flags.json) return print(policy);
  const about = builtInPolicies.find(({ name }) => name === nameOrFile)?.about;
  showPolicy(createTerminal(), { name: nameOrFile, about, policy }, Date.now());
}

/** Lists the built-in policies. */
export function runList(flags: { readonly json?: true }): void {
  if (flags.json)
    return print(
      builtInPolicies.map(({ name, about, policy }) => ({ name, about, provider: policy.provider, builds: policy.builds.map(dates) })),
    );
  const { line, bold, dim, width } = createTerminal();
  for (const { name, about, policy } of builtInPolicies) {
    line(bold(name));
    for (const text of wrapText(about, width - 2)) line(`  ${text}`);
    for (const { name: build, expires } of policy.builds) line(dim(`  ${build}${expires === undefined ? "" : `, until ${expires}`}`));
  }
}

function dates({ name, date, expires }: Policy["builds"][number]): object {
  return { name, date, expires };
}

function labelsOf({ name, source, nowMs, result }: Subject, flags: LabelFlags) {
  const date = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  return {
    name: flags.name ?? `${name} ${date}`,
    source: flags.source ?? `${source}${result.simulated ? " (SIMULATED)" : ""}`,
    date,
    ...(flags.expires !== undefined && { expires: flags.expires }),
  };
}

/** What a policy's reader should know that its rules do not say. */
function leadOf({ source, nowMs }: Subject, result: AttestationResult): string[] {
  const lead = [`Which enclaves are acceptable: "bauta policy diff" compares one, "bauta policy accept" adds one.`];
  lead.push(`Written from: ${printableLine(source)}, judged for ${new Date(nowMs).toISOString()}.`);
  if (result.simulated) lead.push("SIMULATED: this build runs in no TEE.");
  return lead;
}

function showSubjectDifference(terminal: Terminal, { name, result }: Subject, policyName: string, difference: PolicyDifference): void {
  const { line, good, bad } = terminal;
  const words = `${printableLine(name)}${mark(terminal, result)}`;
  const build = difference.build && `build "${printableLine(difference.build.name)}"`;
  if (difference.values.length === 0) return line(`${good("✓")} ${words} is what ${policyName} accepts${build ? `: ${build}` : ""}`);
  line(`${bad("✗")} ${words} is not what ${policyName} accepts${build ? `; the nearest is ${build}` : ""}`);
  showDifference(terminal, difference);
}

function warnOfPlatform({ line, warn }: Terminal, { claims }: AttestationResult): void {
  const { tcb_status: status, advisories = [] } = claims;
  if (status === undefined || status === "UpToDate") return;
  line(warn(`  The platform is ${status}${advisories.length > 0 ? ` (${advisories.join(", ")})` : ""}, and this policy accepts that.`));
}

function mark({ warn }: Terminal, { simulated }: AttestationResult): string {
  // Nothing is pinned yet, so only where the evidence comes from is worth a word.
  const words = standing({ simulated, debug: false, pinned: true });
  return words === "" ? "" : ` ${warn(words)}`;
}

function print(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}
