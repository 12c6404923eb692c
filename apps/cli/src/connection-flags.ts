import type { Command } from "commander";
import { POLICY_FLAG } from "./evidence-flags.ts";

/** How a person says whom to talk to and what to trust. */
export interface ConnectionFlags {
  readonly baseUrl?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly trustRoot?: readonly string[] | undefined;
  readonly policy?: string | undefined;
  readonly allowUnpinned?: boolean | undefined;
  readonly documentedReceipts?: boolean | undefined;
  readonly pcsUrl?: string | undefined;
  readonly rimUrl?: string | undefined;
  readonly ocspUrl?: string | undefined;
  readonly nrasUrl?: string | undefined;
  readonly offline?: boolean | undefined;
}

/** Adds the flags that every command which talks to a gateway has. */
export function withConnectionFlags(command: Command): Command {
  return command
    .option("--base-url <url>", "the gateway's API, such as https://host/api/v1 (or BAUTA_BASE_URL)")
    .option("--api-key <key>", "your key (or BAUTA_API_KEY, which keeps it out of the process list)")
    .option(
      "--root, --trust-root <file>",
      "trust a simulator: its roots, DER or PEM, may be repeated; results say SIMULATED",
      (file, files: string[] | undefined) => [...(files ?? []), file],
    )
    .option("--policy <file>", POLICY_FLAG)
    .option("--pcs-url <url>", "where to fetch collateral that nobody sends along: a PCCS; Intel's service unless given")
    .option("--rim-url <url>", "where to fetch reference manifests of GPUs; NVIDIA's service unless given")
    .option("--ocsp-url <url>", "where to ask whether certificates of GPUs are withdrawn; NVIDIA's responder unless given")
    .option("--nras-url <url>", "whom to ask for a second opinion on GPUs, where a policy requires one; NVIDIA unless given")
    .option("--offline", "fetch no collateral, and nothing about GPUs")
    .option(
      "--documented-receipts",
      "WEAKER: accept the published two-hash signature where a server has no receipt; shown with each answer",
    )
    .option("--allow-unpinned", "INSECURE: accept any measurements; results say UNPINNED");
}
