import { parsePolicy, type Policy } from "@bauta/attestation";
import { type Client, createClient } from "@bauta/client";
import type { ConnectionFlags } from "./connection-flags.ts";
import { CommandError, EXIT } from "./exit.ts";
import { resolvePolicy } from "./policy-file.ts";
import { readTrustRoots } from "./trust-root-files.ts";

/**
 * Makes a client from flags and environment.
 * @throws {CommandError} naming what is missing or cannot be read
 */
export async function connect(flags: ConnectionFlags): Promise<{ client: Client; baseUrl: string }> {
  const baseUrl = flags.baseUrl ?? process.env["BAUTA_BASE_URL"];
  const apiKey = flags.apiKey ?? process.env["BAUTA_API_KEY"];
  if (!baseUrl) throw new CommandError("no gateway: give --base-url or set BAUTA_BASE_URL", EXIT.usage);
  if (!apiKey) throw new CommandError("no API key: set BAUTA_API_KEY or give --api-key", EXIT.usage);
  const trustRoots = await readTrustRoots(flags.trustRoot ?? []);
  const policy = await readPolicy(flags.policy, flags.allowUnpinned === true);
  return {
    client: createClient({
      baseURL: baseUrl,
      apiKey,
      policy,
      trustRoots,
      receipts: flags.documentedReceipts === true ? "documented" : "bauta",
    }),
    baseUrl,
  };
}

async function readPolicy(nameOrFile: string | undefined, allowUnpinned: boolean): Promise<Policy> {
  if (nameOrFile === undefined) return parsePolicy(allowUnpinned ? { version: 1, measurements: "any" } : { version: 1, builds: [] });
  if (allowUnpinned) throw new CommandError("--allow-unpinned and --policy contradict each other: give one", EXIT.usage);
  return resolvePolicy(nameOrFile);
}
