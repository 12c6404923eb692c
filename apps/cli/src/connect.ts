import { parsePolicy, type Policy } from "@bauta/attestation";
import { type Client, type ClientOptions, createClient } from "@bauta/client";
import { openCollateralMemory } from "./collateral-folder.ts";
import { openCollateralService } from "./collateral-service.ts";
import type { ConnectionFlags } from "./connection-flags.ts";
import { CommandError, EXIT } from "./exit.ts";
import { openGpuService } from "./gpu-service.ts";
import { resolvePolicy } from "./policy-file.ts";
import { createTerminal } from "./terminal.ts";
import { readTrustRoots } from "./trust-root-files.ts";

/**
 * Makes a client from flags and environment.
 * @param settings of the client that no flag sets
 * @throws {CommandError} naming what is missing or cannot be read
 */
export async function connect(flags: ConnectionFlags, settings: Partial<ClientOptions> = {}): Promise<{ client: Client; baseUrl: string }> {
  const server = readServer(flags);
  const trustRoots = await readTrustRoots(flags.trustRoot ?? []);
  const policy = await readPolicy(flags.policy, flags.allowUnpinned === true);
  const { pcsUrl } = flags;
  return {
    client: createClient({
      ...settings,
      ...server,
      policy,
      trustRoots,
      receipts: flags.documentedReceipts === true ? "documented" : "bauta",
      memory: await openCollateralMemory(),
      ...(flags.offline !== true && {
        collateral: openCollateralService({ pcsUrl, remedy: "name another service with --pcs-url" }),
        gpuEndorsements: openGpuService(flags),
      }),
    }),
    baseUrl: server.baseURL,
  };
}

/**
 * Makes a client for asking alone: whoever has its evidence judges it, so that it fetches and remembers nothing itself.
 * @throws {CommandError} naming what is missing
 */
export function connectToAsk({ baseUrl, apiKey }: Pick<ConnectionFlags, "baseUrl" | "apiKey">): Client {
  return createClient({ ...readServer({ baseUrl, apiKey }), policy: UNPINNED });
}

const UNPINNED = { version: 1, measurements: "any" } as const;

function readServer(flags: Pick<ConnectionFlags, "baseUrl" | "apiKey">): { readonly baseURL: string; readonly apiKey: string } {
  const named = flags.baseUrl ?? process.env["BAUTA_BASE_URL"];
  const apiKey = flags.apiKey ?? process.env["BAUTA_API_KEY"];
  if (!named) throw new CommandError("no gateway: give --base-url or set BAUTA_BASE_URL", EXIT.usage);
  if (!apiKey) throw new CommandError("no API key: set BAUTA_API_KEY or give --api-key", EXIT.usage);
  return { baseURL: withPath(named), apiKey };
}

/** A server's name alone is no API's address: its usual place is taken, and told. */
function withPath(baseUrl: string): string {
  if (!URL.canParse(baseUrl)) return baseUrl;
  const { pathname, search, hash, origin } = new URL(baseUrl);
  if (!/^\/+$/.test(pathname) || search !== "" || hash !== "" || origin === "null") return baseUrl;
  const guessed = `${baseUrl.replace(/\/+$/, "")}/api/v1`;
  const terminal = createTerminal(process.stderr);
  terminal.line(terminal.dim(`the base URL has no path: taking ${origin}/api/v1; name it whole if the API is elsewhere, such as at /v1`));
  return guessed;
}

async function readPolicy(nameOrFile: string | undefined, allowUnpinned: boolean): Promise<Policy> {
  if (nameOrFile === undefined) return parsePolicy(allowUnpinned ? UNPINNED : { version: 1, builds: [] });
  if (allowUnpinned) throw new CommandError("--allow-unpinned and --policy contradict each other: give one", EXIT.usage);
  return resolvePolicy(nameOrFile);
}
