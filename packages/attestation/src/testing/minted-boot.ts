import { createHash } from "node:crypto";
import type { EventLogEntry } from "../evidence/evidence.ts";
import type { TdReport } from "../tdx/quote.ts";

const sha384 = (...parts: readonly (string | Uint8Array)[]) => {
  const hash = createHash("sha384");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** A boot event with an opaque digest. */
export function bootEvent(imr: number, label: string): EventLogEntry {
  return { imr, event_type: 4, digest: sha384(label).toString("hex"), event: "", event_payload: Buffer.from(label).toString("hex") };
}

/** One of dstack's runtime events, in either form of the digest. */
export function runtimeEvent(name: string, payload: Uint8Array | string = "", version: 1 | 2 = 1): EventLogEntry {
  const bytes = Buffer.from(payload);
  const digest =
    version === 1
      ? sha384(Uint8Array.of(1, 0, 0, 8), `:${name}:`, bytes)
      : sha384(JSON.stringify({ name, payload: bytes.toString("hex"), type: 134_217_729 }));
  return { imr: 3, event_type: 134_217_729, digest: digest.toString("hex"), event: name, event_payload: bytes.toString("hex") };
}

/** The registers that a log leads to, written without the code under test. */
function registersOf(log: readonly EventLogEntry[]): TdReport["rtmr"] {
  const register = (imr: number) =>
    new Uint8Array(
      log.filter((entry) => entry.imr === imr).reduce((value, entry) => sha384(value, Buffer.from(entry.digest, "hex")), Buffer.alloc(48)),
    );
  return [register(0), register(1), register(2), register(3)];
}

export interface MintedBoot {
  readonly composeHash?: Uint8Array;
  readonly keyProvider?: string;
  readonly version?: 1 | 2;
}

export const APP_ID = Buffer.alloc(20, 0xa1);
export const INSTANCE_ID = Buffer.alloc(20, 0xb2);
const OS_IMAGE = Buffer.alloc(32, 0xc3);
const KMS = JSON.stringify({ name: "kms", id: "3059aa" });

/** A dstack boot as its guest logs it. */
export function mintBoot({ composeHash = Buffer.alloc(32, 0xd4), keyProvider = KMS, version = 1 }: MintedBoot = {}): EventLogEntry[] {
  const event = (name: string, payload?: Uint8Array | string) => runtimeEvent(name, payload, version);
  return [
    bootEvent(0, "firmware"),
    bootEvent(1, "kernel"),
    bootEvent(2, "initrd"),
    event("system-preparing"),
    event("app-id", APP_ID),
    event("compose-hash", composeHash),
    event("instance-id", INSTANCE_ID),
    event("boot-mr-done"),
    event("os-image-hash", OS_IMAGE),
    event("key-provider", keyProvider),
    event("storage-fs", "zfs"),
    event("system-ready"),
  ];
}

/** A report whose registers follow from a log; everything else is zero unless given. */
export function mintReport(log: readonly EventLogEntry[], members: Partial<TdReport> = {}): TdReport {
  const zeros = (length: number) => new Uint8Array(length);
  return {
    teeTcbSvn: zeros(16),
    mrSeam: zeros(48),
    mrSignerSeam: zeros(48),
    seamAttributes: zeros(8),
    tdAttributes: zeros(8),
    xfam: zeros(8),
    mrTd: zeros(48),
    mrConfigId: zeros(48),
    mrOwner: zeros(48),
    mrOwnerConfig: zeros(48),
    rtmr: registersOf(log),
    reportData: zeros(64),
    ...members,
  };
}

/** MRCONFIGID of a kind: `kind ‖ commitment ‖ zeros`. */
export function mrConfigId(kind: number, commitment: Uint8Array): Uint8Array<ArrayBuffer> {
  const id = new Uint8Array(48);
  id[0] = kind;
  id.set(commitment, 1);
  return id;
}
