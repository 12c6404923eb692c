import { parseBase64, parseHex } from "@bauta/protocol";
import type { JsonObject } from "./answer-members.ts";

const MAX_DEPTH = 3;
const MAX_MEMBERS = 32;
/** Of an AMD SEV-SNP attestation report. */
const SNP_REPORT_BYTES = 1184;

/**
 * Names the kind of an answer without a TDX quote where quotes are, so that nobody looks for a fault where there is another
 * kind of evidence. In words of ours: what the answer says of itself is not repeated.
 * @returns undefined for what is of no kind that is known
 */
export function recogniseAnswer(answer: unknown): string | undefined {
  const kind = KINDS.find(([, is]) => is(answer))?.[0];
  if (kind !== undefined) return `this is ${kind}, which this version does not read`;
  const path = findQuote(answer, "", 0);
  return path === undefined ? undefined : `there is one in ${path}, so that this is an answer within another: give that part alone`;
}

const KINDS: readonly (readonly [kind: string, is: (answer: unknown) => boolean])[] = [
  ["an answer of Tinfoil's, about AMD SEV-SNP", (answer) => isTinfoil(answer) && saysSnp(answer)],
  ["an answer of Tinfoil's", isTinfoil],
  ["an answer of Chutes', a list of instances", isChutes],
  [
    "an answer of NEAR AI Cloud's, about a gateway and its models",
    (answer) => has(answer, "gateway_attestation") || has(answer, "model_attestations"),
  ],
  ["evidence of AMD SEV-SNP", (answer) => saysSnp(answer) || hasSnpReport(answer)],
  ["evidence of GPUs alone", (answer) => has(answer, "evidence_list") || has(answer, "evidences")],
  ["an answer of NVIDIA's attestation service", (answer) => Array.isArray(answer) && Array.isArray(answer[0]) && answer[0][0] === "JWT"],
  ["an error", (answer) => has(answer, "error")],
];

function isTinfoil(answer: unknown): boolean {
  const { format, enclaveAttestationReport } = membersOf(answer);
  const named = format ?? membersOf(enclaveAttestationReport)["format"];
  return typeof named === "string" && named.startsWith("https://tinfoil.sh/");
}

function isChutes(answer: unknown): boolean {
  const { attestation_type: type, evidence, all_attestations: all, instances } = membersOf(answer);
  const first = [evidence, all, instances, answer].find((list): list is unknown[] => Array.isArray(list));
  return type === "chutes" || (has(first?.[0], "instance_id") && (has(first?.[0], "e2e_pubkey") || has(first?.[0], "gpu_evidence")));
}

function saysSnp(answer: unknown): boolean {
  const { cpu, platform, tee, attestation_type: type, format, enclaveAttestationReport } = membersOf(answer);
  const said = [membersOf(cpu)["platform"], platform, tee, type, format, membersOf(enclaveAttestationReport)["format"]];
  return said.some((word) => typeof word === "string" && /\b(?:sev[-_]?)?snp\b|sev[-_]snp/i.test(word.slice(0, 256)));
}

function hasSnpReport(answer: unknown): boolean {
  if (["snp_report", "sev_snp_report", "vcek", "sev_snp"].some((name) => has(answer, name))) return true;
  return Object.values(membersOf(answer)).some((value) => {
    if (typeof value !== "string" || value.length > 2 * SNP_REPORT_BYTES + 2) return false;
    return [parseHex(value, SNP_REPORT_BYTES), parseBase64(value, SNP_REPORT_BYTES)].some((bytes) => bytes?.length === SNP_REPORT_BYTES);
  });
}

/** Where a quote lies deeper than it should, by names of ours alone: members whose names are no identifiers are not followed. */
function findQuote(value: unknown, path: string, depth: number): string | undefined {
  if (depth > 0 && has(value, "intel_quote")) return path;
  if (depth >= MAX_DEPTH) return undefined;
  const entries = Array.isArray(value)
    ? value.slice(0, 1).map((entry: unknown): [string, unknown] => [`${path}[0]`, entry])
    : Object.entries(membersOf(value))
        .slice(0, MAX_MEMBERS)
        .filter(([name]) => /^[a-z_][a-z0-9_]{0,31}$/i.test(name))
        .map(([name, inner]): [string, unknown] => [path === "" ? name : `${path}.${name}`, inner]);
  for (const [at, inner] of entries) {
    const found = findQuote(inner, at, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function membersOf(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function has(value: unknown, name: string): boolean {
  return Object.hasOwn(membersOf(value), name);
}
