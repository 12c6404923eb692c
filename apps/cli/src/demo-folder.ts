import { randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createApiKey } from "@bauta/gateway";
import { printableLine } from "@bauta/client";
import { CommandError, EXIT } from "./exit.ts";

/** Where a demo writes what its clients need, and the secrets that it keeps from one start to the next. */
export interface DemoFolder {
  readonly path: string;
  /** What all keys of the simulated machine follow from. */
  readonly seed: Uint8Array;
  /** When they were made, milliseconds since 1970: certificates are valid around it. */
  readonly madeMs: number;
  readonly apiKey: string;
  /** Removes a folder that nobody named. */
  close(): Promise<void>;
}

/** Its presence tells a folder of ours from another. */
const SECRETS = "demo.json";
/** Certificates are made for years; they are renewed long before. */
const KEPT_MS = 180 * 86_400_000;

/**
 * Opens a demo's folder, or makes it: readable by its owner alone, as are its secrets. Without a name it is a new one that
 * is removed with the demo.
 * @throws {CommandError} for a folder that is somebody else's, or holds something else; status 2
 */
export async function openDemoFolder(named: string | undefined, nowMs: number): Promise<DemoFolder> {
  if (named === undefined) {
    const path = await mkdtemp(join(tmpdir(), "bauta-demo-"));
    return { path, ...createSecrets(nowMs), close: () => rm(path, { recursive: true, force: true }) };
  }
  const path = resolve(named);
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => refuse(path, "cannot be made", error));
  const found = await lstat(path);
  if (!found.isDirectory()) refuse(path, "is no folder");
  if (process.getuid && found.uid !== process.getuid()) refuse(path, "belongs to another user");
  const files = await readdir(path);
  if (files.length > 0 && !files.includes(SECRETS)) refuse(path, "holds something else");
  await chmod(path, 0o700);
  const kept = files.includes(SECRETS) ? parseSecrets(path, await readFile(join(path, SECRETS), "utf8")) : undefined;
  const secrets = kept && Math.abs(nowMs - kept.madeMs) < KEPT_MS ? kept : createSecrets(nowMs);
  if (secrets !== kept) {
    const { seed, madeMs, apiKey } = secrets;
    await writePrivate(path, SECRETS, `${JSON.stringify({ seed: Buffer.from(seed).toString("hex"), madeMs, apiKey })}\n`);
  }
  return { path, ...secrets, close: () => Promise.resolve() };
}

/** Writes a file that nobody else reads. @returns its path */
export async function writePrivate(folder: string, name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

type Secrets = Pick<DemoFolder, "seed" | "madeMs" | "apiKey">;

function createSecrets(nowMs: number): Secrets {
  return { seed: randomBytes(32), madeMs: nowMs, apiKey: createApiKey().key };
}

function parseSecrets(path: string, text: string): Secrets {
  try {
    const { seed, madeMs, apiKey } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const isWhole =
      typeof seed === "string" && /^[0-9a-f]{64}$/.test(seed) && typeof apiKey === "string" && /^[\x21-\x7e]{1,512}$/.test(apiKey);
    if (isWhole && Number.isSafeInteger(madeMs)) return { seed: Buffer.from(seed, "hex"), madeMs: madeMs as number, apiKey };
  } catch {
    // Refused below, without its text.
  }
  return refuse(join(path, SECRETS), "is not what a demo wrote: remove it");
}

function refuse(path: string, why: string, cause?: unknown): never {
  throw new CommandError(`${printableLine(path)}: ${why}; name another folder with --dir`, EXIT.usage, cause);
}
