import type { EventLogEntry } from "@bauta/attestation";
import { createHash } from "node:crypto";
import { bootEvent, type EventVersion, replay, runtimeEvent } from "./event-log.ts";
import type { BootFaults } from "./faults/boot-faults.ts";
import type { SecretSource } from "./keys.ts";
import { simulatedDigest } from "./machine.ts";
import { type KeyProvider, type MrConfigKind, mrConfigIdOf } from "./mr-config-id.ts";

const EFI_ACTION = 0x8000_0007;
const EFI_HANDOFF_TABLES = 0x8000_000b;
const EFI_VARIABLE = 0x8000_0001;
const EFI_APPLICATION = 0x8000_0003;
const EV_SEPARATOR = 4;
const EV_IPL = 13;

/** What was booted. Everything but the instance follows from the build's name and the compose document. */
export interface SimulatedBuild {
  readonly name: string;
  readonly eventLog: readonly EventLogEntry[];
  /** Registers as lower-case hex. */
  readonly mrtd: string;
  readonly rtmr0: string;
  readonly rtmr1: string;
  readonly rtmr2: string;
  readonly rtmr3: string;
  readonly appId: string;
  readonly instanceId: string;
  readonly deviceId: string;
  readonly osImageHash: string;
  /** The payload of the `key-provider` event, a JSON text. */
  readonly keyProvider: string;
  readonly composeFile: string;
  readonly composeHash: string;
  /** Hex. */
  readonly mrConfigId: string;
  /** What MRCONFIGID commits to, where that is a document. */
  readonly mrConfigDocument?: string;
}

/** What is booted, and how. */
export interface BootOptions {
  readonly name: string;
  /** Raw text. */
  readonly composeFile: string;
  readonly keyProvider: KeyProvider;
  readonly mrConfigKind: MrConfigKind;
  readonly eventVersion: EventVersion;
  readonly faults: BootFaults;
}

/**
 * Boots an image that does not exist: boot events into RTMR0–2, then dstack's runtime events into RTMR3.
 * MRTD and RTMR0–2 depend on the build's name alone, so that a policy holds across restarts.
 */
export function bootBuild(options: BootOptions, secrets: SecretSource): SimulatedBuild {
  const { name, composeFile, faults } = options;
  const composeHash = createHash("sha256").update(composeFile).digest("hex");
  const appId = composeHash.slice(0, 40);
  const instanceId = secrets("instance-id", 20).toString("hex");
  const osImageHash = simulatedDigest("sha256", `${name}: OS image`).toString("hex");
  const keyProvider = JSON.stringify(options.keyProvider);
  const event = (what: string, payload: Uint8Array) => runtimeEvent(what, payload, options.eventVersion);
  const booted = [
    ...bootEvents(name),
    event("system-preparing", Buffer.alloc(0)),
    event("app-id", Buffer.from(appId, "hex")),
    event("compose-hash", Buffer.from(composeHash, "hex")),
    event("instance-id", Buffer.from(instanceId, "hex")),
    event("boot-mr-done", Buffer.alloc(0)),
    event("os-image-hash", Buffer.from(osImageHash, "hex")),
    event("key-provider", Buffer.from(keyProvider)),
    event("storage-fs", Buffer.from("none")),
    event("system-ready", Buffer.alloc(0)),
  ];
  const eventLog = faults.measuredEvents?.(booted) ?? booted;
  const mrConfig = mrConfigIdOf(options.mrConfigKind, { composeHash, appId, instanceId, keyProvider: options.keyProvider });
  return {
    name,
    eventLog,
    mrtd: simulatedDigest("sha384", `${name}: firmware`).toString("hex"),
    rtmr0: replay(eventLog, 0).toString("hex"),
    rtmr1: replay(eventLog, 1).toString("hex"),
    rtmr2: replay(eventLog, 2).toString("hex"),
    rtmr3: replay(eventLog, 3).toString("hex"),
    appId,
    instanceId,
    deviceId: secrets("device-id").toString("hex"),
    osImageHash,
    keyProvider,
    composeFile,
    composeHash,
    mrConfigId: mrConfig.id,
    ...(mrConfig.document !== undefined && { mrConfigDocument: mrConfig.document }),
  };
}

function bootEvents(name: string): EventLogEntry[] {
  return [
    bootEvent(0, EFI_HANDOFF_TABLES, `${name}: SIMULATED handoff tables`),
    bootEvent(0, EFI_VARIABLE, `${name}: SIMULATED SecureBoot=0`),
    bootEvent(0, EV_SEPARATOR, `${name}: SIMULATED separator 0`),
    bootEvent(1, EFI_APPLICATION, `${name}: SIMULATED kernel`),
    bootEvent(1, EFI_ACTION, `${name}: SIMULATED exit boot services`),
    bootEvent(2, EV_IPL, `${name}: SIMULATED kernel command line`),
    bootEvent(2, EV_IPL, `${name}: SIMULATED initrd`),
  ];
}
