import { Command } from "commander";
import { withConnectionFlags } from "./connection-flags.ts";
import { withEvidenceFlags } from "./evidence-flags.ts";

/** Adds the flags that say which enclave is meant: a running one, or one whose answer was saved. */
export function withSubjectFlags(command: Command): Command {
  const server = new Set(["--base-url", "--api-key", "--trust-root", "--pcs-url", "--rim-url", "--ocsp-url", "--nras-url", "--offline"]);
  for (const option of withConnectionFlags(new Command()).options) if (server.has(option.long ?? "")) command.addOption(option);
  return withEvidenceFlags(command, { policy: false });
}
