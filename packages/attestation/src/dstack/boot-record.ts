import { toHex } from "@bauta/protocol";
import type { DstackInfo } from "../evidence/evidence.ts";
import type { RuntimeEvent } from "./runtime-event.ts";

/** The event with which dstack ends the boot: apps can extend RTMR3 too, but only after it. */
const LAST_BOOT_EVENT = "system-ready";
const REQUIRED = ["app-id", "compose-hash", LAST_BOOT_EVENT] as const;
/** Events of dstack's own that describe the boot; each at most once. */
const AT_MOST_ONCE = [
  ...REQUIRED,
  "system-preparing",
  "gpu-policy-hash",
  "gpu-attestation",
  "instance-id",
  "boot-mr-done",
  "mr-kms",
  "os-image-hash",
  "key-provider",
  "storage-fs",
] as const;
const BOOT_NAMES: ReadonlySet<string> = new Set([...AT_MOST_ONCE, "init-script-hash"]);
const APP_ID_BYTES = 20;
const HASH_BYTES = 32;

/** What dstack measured into RTMR3 while it booted, as lower-case hex. Proven by the replay. */
export interface BootRecord {
  readonly appId: string;
  readonly composeHash: string;
  readonly instanceId?: string;
  readonly osImageHash?: string;
  readonly gpuPolicyHash?: string;
  readonly initScriptHashes: readonly string[];
  /** The event's payload, raw. */
  readonly keyProvider?: Uint8Array<ArrayBuffer>;
}

/**
 * Reads the boot from runtime events whose digests were recomputed.
 * @returns the record, or what is wrong with the log
 * @see dstack dstack-util, system_setup.rs
 */
export function readBootRecord(events: readonly RuntimeEvent[]): BootRecord | string {
  const ready = events.findIndex(({ name }) => name === LAST_BOOT_EVENT);
  const boot = ready < 0 ? events : events.slice(0, ready);
  const late = ready < 0 ? undefined : events.slice(ready + 1).find(({ name }) => BOOT_NAMES.has(name));
  for (const name of AT_MOST_ONCE) {
    const count = events.filter((event) => event.name === name).length;
    if (count > 1) return `the event ${name} appears ${count} times in RTMR3: at most one can describe the boot`;
  }
  if (late) return `the event ${late.name} comes only after ${LAST_BOOT_EVENT}, when apps can extend RTMR3 too`;
  for (const name of REQUIRED) {
    if (!events.some((event) => event.name === name)) return `RTMR3 has no event ${name}: this is not the log of a dstack boot`;
  }
  const payload = (name: string) => boot.find((event) => event.name === name)?.payload;
  const hex = (name: string) => {
    const bytes = payload(name);
    return bytes && toHex(bytes);
  };
  const appId = payload("app-id");
  if (appId?.length !== APP_ID_BYTES) return `the event app-id holds ${appId?.length ?? 0} bytes, not ${APP_ID_BYTES}`;
  for (const name of ["compose-hash", "os-image-hash", "gpu-policy-hash"] as const) {
    const bytes = payload(name);
    if (bytes && bytes.length !== HASH_BYTES) return `the event ${name} holds ${bytes.length} bytes, not ${HASH_BYTES}`;
  }
  return {
    appId: toHex(appId),
    composeHash: hex("compose-hash") ?? "",
    initScriptHashes: boot.filter(({ name }) => name === "init-script-hash").map((event) => toHex(event.payload)),
    ...optional("instanceId", hex("instance-id")),
    ...optional("osImageHash", hex("os-image-hash")),
    ...optional("gpuPolicyHash", hex("gpu-policy-hash")),
    ...optional("keyProvider", payload("key-provider")),
  };
}

/**
 * Holds the answer's own statements against the proven ones.
 * @returns what contradicts what, if anything
 */
export function contradictBoot(boot: BootRecord, info: DstackInfo | undefined): string | undefined {
  const stated = [
    ["app_id", boot.appId],
    ["instance_id", boot.instanceId],
  ] as const;
  for (const [member, proven] of stated) {
    if (info?.contradictions?.includes(member)) return `the answer states two different values of ${member}`;
    const said = info?.[member]?.toLowerCase().replace(/^0x/, "");
    if (proven !== undefined && said !== undefined && said !== "" && said !== proven)
      return `the answer states another ${member} than the measured ${proven}`;
  }
  return undefined;
}

function optional<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };
}
