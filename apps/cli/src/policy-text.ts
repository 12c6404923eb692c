import type { Build, Policy } from "@bauta/attestation";
import { type Document, isSeq, stringify } from "yaml";
import type { PolicyFile, PolicyFormat } from "./policy-file.ts";

/** Long hex stays on its line, and lists that a person wrote stay as they are. */
const LAYOUT = { lineWidth: 0 } as const;

/**
 * Writes a policy out.
 * @param comment lines that lead the YAML; JSON has no comments
 */
export function renderPolicy(policy: Policy, format: PolicyFormat, comment: readonly string[]): string {
  if (format === "json") return `${JSON.stringify(policy, null, 2)}\n`;
  return `${comment.map((line) => `# ${line}\n`).join("")}${stringify(policy, LAYOUT)}`;
}

/** Adds a build to a file's text and leaves the rest as its author wrote it, with the comments of YAML. */
export function renderWithBuild({ format, document: { document, value } }: PolicyFile, build: Build): string {
  if (format === "json") {
    const { builds = [], ...rest } = value as { builds?: readonly unknown[] };
    return `${JSON.stringify({ ...rest, builds: [...builds, build] }, null, 2)}\n`;
  }
  const edited: Document = document.clone();
  const builds = edited.get("builds");
  if (isSeq(builds)) {
    // An empty list is written as [], and would go on in one line.
    if (builds.items.length === 0) builds.flow = false;
    builds.add(edited.createNode(build));
  } else edited.set("builds", edited.createNode([build]));
  return edited.toString(LAYOUT);
}
