import type { Collateral, EventLogEntry } from "@bauta/attestation";
import { simulatedAppCompose } from "./app-compose.ts";
import { bootBuild, type SimulatedBuild } from "./build.ts";
import { issueCollateral } from "./collateral.ts";
import type { SimulatorFaults } from "./faults.ts";
import { createSecretSource } from "./keys.ts";
import { createMachine } from "./machine.ts";
import { createPki } from "./pki.ts";
import { createQuoteWriter } from "./quote-writer.ts";

const DEFAULT_BUILD = "bauta-simulated-1";

export interface SimulatorOptions {
  /** The moment around which certificates and collateral are valid, milliseconds since 1970. */
  readonly nowMs: number;
  /** Makes all keys and identifiers follow from this value. For tests: who knows the seed has the keys. */
  readonly seed?: string | Uint8Array | undefined;
  /** What MRTD and RTMR0–2 are derived from. */
  readonly buildName?: string | undefined;
  /** The compose document as raw text; its SHA-256 is measured. */
  readonly composeFile?: string | undefined;
  /** Mint quotes of a TD under debug. */
  readonly debug?: boolean | undefined;
  /** Mint evidence that a verifier must refuse. For tests. */
  readonly faults?: SimulatorFaults | undefined;
}

/** A policy file's contents that accept exactly one simulated build. */
export interface SimulatorPolicy {
  readonly version: 1;
  readonly provider: string;
  readonly builds: readonly Readonly<Record<"name" | "source" | "date" | "mrtd" | "rtmr0" | "rtmr1" | "rtmr2" | "compose_hash", string>>[];
  readonly allow: { readonly debug: boolean };
}

/** A software TEE: real formats and real cryptography under a root that nobody trusts by default. */
export interface Simulator {
  readonly name: string;
  readonly teeProvider: string;
  readonly teeHardware: string;
  readonly simulated: true;
  /** The root's certificate, DER: what a verifier has to be told. */
  readonly rootDer: Uint8Array<ArrayBuffer>;
  /** TCB info, QE identity and revocation lists for this machine, issued at `nowMs` and current for 30 days. */
  readonly collateral: Collateral;
  /** Mints a TDX quote over 64 bytes of report data. */
  quote(reportData: Uint8Array): Promise<Uint8Array>;
  /** What an attestation answer carries as `event_log` and `info`. */
  describe(): Promise<{ eventLog: readonly EventLogEntry[]; info: Record<string, unknown> }>;
  endorsements(): Promise<Record<string, string>>;
  /** Issues the same collateral anew, current for 30 days from `issuedMs`. */
  issueCollateral(issuedMs: number): Collateral;
  /** A policy that pins this build, without any fault, under a name of the caller's choice. */
  policy(name: string): SimulatorPolicy;
  close(): Promise<void>;
}

/**
 * Starts a software TEE: makes its keys and certificates, boots a build into its registers, sets up a quoting enclave.
 * Its evidence proves nothing about the machine it runs on, and everything that describes it says SIMULATED.
 * @throws RangeError when `nowMs` is not a time or a fault has the wrong length
 */
export function createSimulator(options: SimulatorOptions): Simulator {
  const { nowMs, debug = false, faults = {} } = options;
  if (!Number.isFinite(nowMs)) throw new RangeError(`nowMs must be a finite time in milliseconds, not ${nowMs}`);
  const buildName = options.buildName ?? DEFAULT_BUILD;
  const secrets = createSecretSource(options.seed);
  const machine = createMachine(secrets);
  const pki = createPki(secrets, machine, { nowMs, expired: faults.expiredCertificate, foreignRoot: faults.foreignRoot });
  const build = bootBuild(buildName, options.composeFile ?? simulatedAppCompose(buildName), secrets);
  const writeQuote = createQuoteWriter(secrets, { machine, pki, build, debug, faults });
  const collateral = issueCollateral(pki, machine, nowMs);
  const description = { eventLog: build.eventLog, info: describeBuild(build) };
  return {
    name: "simulator",
    teeProvider: "simulator",
    teeHardware: "SIMULATED TDX",
    simulated: true,
    rootDer: new Uint8Array(pki.root.der),
    collateral,
    quote: async (reportData) => writeQuote(reportData),
    describe: async () => description,
    endorsements: async () => ({ ...collateral }),
    issueCollateral: (issuedMs) => issueCollateral(pki, machine, issuedMs),
    policy: (name) => pinBuild(name, build, nowMs),
    close: async () => {},
  };
}

/** The `info` member as dstack's guest agent gives it. */
function describeBuild(build: SimulatedBuild): Record<string, unknown> {
  const shared = { compose_hash: build.composeHash, device_id: build.deviceId, os_image_hash: build.osImageHash };
  return {
    app_id: build.appId,
    app_name: `${build.name} (SIMULATED)`,
    instance_id: build.instanceId,
    ...shared,
    key_provider_info: build.keyProvider,
    tcb_info: {
      mrtd: build.mrtd,
      rtmr0: build.rtmr0,
      rtmr1: build.rtmr1,
      rtmr2: build.rtmr2,
      rtmr3: build.rtmr3,
      ...shared,
      app_compose: build.composeFile,
    },
    vm_config: JSON.stringify({ spec_version: 1, simulated: true, os_image_hash: build.osImageHash }),
  };
}

function pinBuild(name: string, build: SimulatedBuild, nowMs: number): SimulatorPolicy {
  const { mrtd, rtmr0, rtmr1, rtmr2, composeHash } = build;
  const date = new Date(nowMs).toISOString().slice(0, 10);
  const pinned = { name, source: `SIMULATED build ${build.name}`, date, mrtd, rtmr0, rtmr1, rtmr2, compose_hash: composeHash };
  return { version: 1, provider: "simulator", builds: [pinned], allow: { debug: false } };
}
