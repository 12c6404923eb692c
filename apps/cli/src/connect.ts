import { readFile } from "node:fs/promises";
import { parsePemCertificates, parsePolicy, type Policy } from "@bauta/attestation";
import { type Client, createClient } from "@bauta/client";
import type { ConnectionFlags } from "./connection-flags.ts";
import { CommandError, EXIT } from "./exit.ts";

/**
 * Makes a client from flags and environment.
 * @throws {CommandError} naming what is missing or cannot be read
 */
export async function connect(flags: ConnectionFlags): Promise<{ client: Client; baseUrl: string }> {
  const baseUrl = flags.baseUrl ?? process.env["BAUTA_BASE_URL"];
  const apiKey = flags.apiKey ?? process.env["BAUTA_API_KEY"];
  if (!baseUrl) throw new CommandError("no gateway: give --base-url or set BAUTA_BASE_URL", EXIT.usage);
  if (!apiKey) throw new CommandError("no API key: set BAUTA_API_KEY or give --api-key", EXIT.usage);
  const trustRoots = (await Promise.all((flags.trustRoot ?? []).map(readRoots))).flat();
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

async function readPolicy(file: string | undefined, allowUnpinned: boolean): Promise<Policy> {
  if (file === undefined) return parsePolicy(allowUnpinned ? { version: 1, measurements: "any" } : { version: 1, builds: [] });
  if (allowUnpinned) throw new CommandError("--allow-unpinned and --policy contradict each other: give one", EXIT.usage);
  const text = (await readInput(file)).toString("utf8");
  try {
    return parsePolicy(JSON.parse(text));
  } catch (error) {
    throw new CommandError(`${file}: ${error instanceof Error ? error.message : "not a policy"}`, EXIT.usage, error);
  }
}

/** One certificate in DER, or any number in PEM. */
async function readRoots(file: string): Promise<Uint8Array[]> {
  const bytes = await readInput(file);
  if (!bytes.includes("-----BEGIN")) return [new Uint8Array(bytes)];
  try {
    return parsePemCertificates(bytes.toString("latin1"));
  } catch (error) {
    throw new CommandError(`${file}: ${error instanceof Error ? error.message : "not PEM certificates"}`, EXIT.usage, error);
  }
}

const MAX_INPUT_BYTES = 1024 * 1024;

async function readInput(file: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new CommandError(missing ? `${file}: no such file` : `${file}: cannot be read`, EXIT.usage, error);
  }
  if (bytes.length > MAX_INPUT_BYTES) throw new CommandError(`${file}: larger than ${MAX_INPUT_BYTES} bytes`, EXIT.usage);
  return bytes;
}
