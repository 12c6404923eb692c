import { parseHex, utf8 } from "@bauta/protocol";
import type { DstackInfo } from "../evidence/evidence.ts";
import type { Build } from "../policy/policy.ts";
import { failed, type Finding, notChecked, passed } from "../result.ts";
import type { BootRecord } from "./boot-record.ts";
import { printable } from "./printable.ts";

const ID = "dstack.key-provider";
const MAX_BYTES = 8 * 1024;
const MAX_ID_BYTES = 2048;

/** Who hands a dstack app its keys. */
export interface KeyProvider {
  /** `kms`, `local-sgx`, `tpm`, `none`, or a name that this version does not know. */
  readonly name: string;
  /** Lower-case hex: the KMS's public key, or the local provider's measurement. Empty for the others. */
  readonly id: string;
}

/**
 * Reads `{"name", "id"}`.
 * @returns undefined for anything else
 * @see dstack dstack-types, KeyProviderInfo
 */
export function parseKeyProvider(bytes: Uint8Array): KeyProvider | undefined {
  if (bytes.length > MAX_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value !== "object" || value === null) return undefined;
    const { name, id } = value as Readonly<Record<string, unknown>>;
    // With a colon in its name, a provider could be written as another one with an id is.
    if (typeof name !== "string" || name === "" || name.length > 64 || name.includes(":") || typeof id !== "string") return undefined;
    return parseHex(id, MAX_ID_BYTES) ? { name, id: id.toLowerCase() } : undefined;
  } catch {
    return undefined;
  }
}

/** `name:id`, or `name` where there is no id: the form of policies and claims. */
export function keyProviderText({ name, id }: KeyProvider): string {
  return id === "" ? name : `${name}:${id}`;
}

/** What the check found out; `provider` only where the replayed log proves it. */
export interface KeyProviderReading {
  readonly finding: Finding;
  readonly provider?: KeyProvider;
}

/** Compares the key provider of the replayed boot with the build's. */
export function verifyKeyProvider(
  boot: BootRecord | undefined,
  build: Build | undefined,
  info: DstackInfo | undefined,
): KeyProviderReading {
  if (!boot) return { finding: notChecked(ID, "not checked: no replayed event log proves a key provider (eventlog.replay)") };
  const expected = build?.key_provider;
  if (!boot.keyProvider) {
    const none = "the boot has no event key-provider";
    return { finding: expected === undefined ? notChecked(ID, none) : failed(ID, `${none}, and build "${build?.name}" names one`) };
  }
  const provider = parseKeyProvider(boot.keyProvider);
  if (!provider) return { finding: failed(ID, "the event key-provider holds no JSON of name and id") };
  const actual = keyProviderText(provider);
  return { provider, finding: compare(provider, actual, build, info) };
}

function compare(provider: KeyProvider, actual: string, build: Build | undefined, info: DstackInfo | undefined): Finding {
  const detail = { actual: printable(actual, 2 * MAX_ID_BYTES) };
  if (info?.contradictions?.includes("key_provider_info")) return failed(ID, "the answer states two different key providers", detail);
  if (info?.key_provider_info !== undefined && info.key_provider_info !== "") {
    const stated = parseKeyProvider(utf8(info.key_provider_info));
    if (!stated || keyProviderText(stated) !== actual)
      return failed(ID, "the answer states another key provider than the measured one", detail);
  }
  const expected = build?.key_provider;
  if (build === undefined || expected === undefined)
    return notChecked(ID, `${meaning(provider)}; no build says whether that is right`, detail);
  return expected.toLowerCase() === (expected.includes(":") ? actual : provider.name).toLowerCase()
    ? passed(ID, `${meaning(provider)}, as build "${build.name}" says`, { ...detail, expected })
    : failed(ID, `${meaning(provider)}, not the provider of build "${build.name}"`, { ...detail, expected });
}

/** What it means for an app's secrets that they come from this provider. */
function meaning({ name }: KeyProvider): string {
  if (name === "kms") return "keys are derived by a key management service, whose governors decide which builds may have them";
  if (name === "local-sgx") return "keys come from an SGX enclave on the same machine";
  if (name === "tpm") return "keys come from the machine's TPM, which its operator provides";
  if (name === "none") return "keys are made at each boot and given to nobody";
  return `keys come from a provider of unknown kind (${printable(name)})`;
}
