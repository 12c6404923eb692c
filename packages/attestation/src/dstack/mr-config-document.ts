import type { BootRecord } from "./boot-record.ts";
import { parseKeyProvider } from "./key-provider.ts";

const MAX_DOCUMENT_CHARACTERS = 64 * 1024;
const MAX_INIT_SCRIPTS = 5;
const MEMBERS: ReadonlySet<string> = new Set([
  "version",
  "app_id",
  "compose_hash",
  "gpu_policy_hash",
  "key_provider",
  "key_provider_id",
  "instance_id",
  "init_script_hashes",
]);
/** Key providers as the document writes them, and as the boot's event does. */
const PROVIDERS: Readonly<Record<string, string>> = { none: "none", kms: "kms", local: "local-sgx", tpm: "tpm" };

/**
 * Reads the document that a MRCONFIGID of kind 3 commits to, as strictly as dstack's guest does, and holds it against the
 * replayed boot, as the guest must have done.
 * @param boot undefined where no event log was replayed: then only the document itself is judged
 * @returns the compose hash, lower-case hex, or what is wrong
 * @see dstack dstack-types, MrConfigV3
 */
export function readMrConfigDocument(document: string, boot: BootRecord | undefined): { readonly composeHash: string } | string {
  const body = parseObject(document);
  if (!body) return "the mr_config document is not a JSON object";
  const unknown = Object.keys(body).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) return "the mr_config document has a member that dstack does not know";
  if (body["version"] !== undefined && body["version"] !== 3) return "the mr_config document's version is not 3";
  const composeHash = hex(body["compose_hash"], 64);
  if (composeHash === undefined) return "the mr_config document has no compose_hash of 64 hex digits";
  const kind = body["key_provider"];
  const provider = typeof kind === "string" && Object.hasOwn(PROVIDERS, kind) ? PROVIDERS[kind] : undefined;
  if (provider === undefined) return "the mr_config document names no known key_provider";
  if (!boot) return { composeHash };
  const measured = boot.keyProvider && parseKeyProvider(boot.keyProvider);
  const pairs = [
    ["compose_hash", composeHash, boot.composeHash],
    ["app_id", body["app_id"], boot.appId],
    ["instance_id", body["instance_id"], boot.instanceId],
    ["gpu_policy_hash", body["gpu_policy_hash"], boot.gpuPolicyHash],
    ["key_provider", provider, measured?.name],
    ["key_provider_id", body["key_provider_id"], measured?.id],
  ] as const;
  for (const [name, said, proven] of pairs) {
    if (said !== undefined && said !== null && (typeof said !== "string" || said.toLowerCase() !== proven)) {
      return `the mr_config document's ${name} is not that of the replayed boot`;
    }
  }
  const scripts = body["init_script_hashes"] ?? undefined;
  if (scripts !== undefined && !sameScripts(scripts, boot.initScriptHashes))
    return "the mr_config document's init_script_hashes are not those of the replayed boot";
  return { composeHash };
}

function sameScripts(said: unknown, proven: readonly string[]): boolean {
  if (!Array.isArray(said) || said.length > MAX_INIT_SCRIPTS || said.length !== proven.length) return false;
  return said.every((hash, index) => typeof hash === "string" && hash.toLowerCase() === proven[index]);
}

function parseObject(document: string): Readonly<Record<string, unknown>> | undefined {
  if (document.length > MAX_DOCUMENT_CHARACTERS) return undefined;
  try {
    const value: unknown = JSON.parse(document);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function hex(value: unknown, digits: number): string | undefined {
  return typeof value === "string" && value.length === digits && /^[0-9a-fA-F]+$/.test(value) ? value.toLowerCase() : undefined;
}
