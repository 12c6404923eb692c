import type { Collateral, EventLogEntry } from "@bauta/attestation";
import { simulatedAppCompose } from "./app-compose.ts";
import { bootBuild, type SimulatedBuild } from "./build.ts";
import { createCollateralIssuer } from "./collateral-issuer.ts";
import { issueCollateral } from "./collateral.ts";
import { CERTIFICATE_ROLES, type CertificateRole } from "./faults/certificate-faults.ts";
import { createSimulatedGpus, type SimulatedGpus } from "./gpus/simulated-gpus.ts";
import { createSecretSource, type SecretSource } from "./keys.ts";
import { createMachine, type Machine } from "./machine.ts";
import type { KeyProvider } from "./mr-config-id.ts";
import { createPki, type Pki } from "./pki.ts";
import { createQuoteWriter } from "./quote-writer.ts";
import type { SimulatorOptions, TdOptions } from "./simulator-options.ts";

export type { SimulatorOptions, TdOptions } from "./simulator-options.ts";

const DEFAULT_BUILD = "bauta-simulated-1";
const DEFAULT_KEY_PROVIDER: KeyProvider = { name: "simulator (SIMULATED)", id: "" };

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
  /** All certificates, DER, by what they are for. */
  readonly certificates: Readonly<Record<CertificateRole, Uint8Array<ArrayBuffer>>>;
  /** TCB info, QE identity and revocation lists for this machine: current, by the simulator's clock, for 29 days or more. */
  readonly collateral: Collateral;
  /** Mints a TDX quote over 64 bytes of report data. */
  quote(reportData: Uint8Array): Promise<Uint8Array>;
  /** What an attestation answer carries as `event_log` and `info`. */
  describe(): Promise<{ eventLog: readonly EventLogEntry[]; info: Record<string, unknown> }>;
  /** The same collateral, as an attestation answer carries it. */
  endorsements(): Promise<Record<string, string>>;
  /** The machine's GPUs, where it was asked to have some. */
  readonly gpus?: SimulatedGpus;
  /** Issues the same collateral anew, current for 30 days from `issuedMs`. */
  issueCollateral(issuedMs: number): Collateral;
  /** Starts another TD on the same machine, with its certificates and collateral; as this one but for the changes. */
  launch(changes: TdOptions): Simulator;
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
  const { nowMs, faults = {} } = options;
  if (!Number.isFinite(nowMs)) throw new RangeError(`nowMs must be a finite time in milliseconds, not ${nowMs}`);
  const secrets = createSecretSource(options.seed);
  const machine = createMachine(secrets, options.machine);
  const pki = createPki(secrets, machine, { nowMs, pckCa: options.pckCa ?? "platform", faults });
  const issue = (issuedMs: number) => issueCollateral(pki, machine, issuedMs, faults);
  const now = options.now ?? (() => nowMs);
  const gpus = options.gpus && createSimulatedGpus(secrets, options.gpus, { nowMs, now, faults });
  const host = { nowMs, secrets, machine, pki, issue, current: createCollateralIssuer(issue, nowMs, options.now) };
  return launchTd({ ...host, ...(gpus && { gpus }) }, options);
}

/** What TDs on one machine have in common. */
interface Host {
  readonly nowMs: number;
  readonly secrets: SecretSource;
  readonly machine: Machine;
  readonly pki: Pki;
  readonly issue: (issuedMs: number) => Collateral;
  /** The collateral of now. */
  readonly current: () => Collateral;
  readonly gpus?: SimulatedGpus;
}

function launchTd(host: Host, options: TdOptions): Simulator {
  const { secrets, pki, current } = host;
  const { faults = {}, debug = false, buildName = DEFAULT_BUILD } = options;
  const boot = {
    name: buildName,
    composeFile: options.composeFile ?? simulatedAppCompose(buildName),
    keyProvider: options.keyProvider ?? DEFAULT_KEY_PROVIDER,
    mrConfigKind: options.mrConfigKind ?? 1,
    eventVersion: options.eventVersion ?? 1,
  };
  const build = bootBuild({ ...boot, faults }, secrets);
  const pinned = bootBuild({ ...boot, faults: {} }, secrets);
  const writeQuote = createQuoteWriter(secrets, { machine: host.machine, pki, build, debug, format: options.quoteFormat ?? "v4", faults });
  const info = describeBuild(build);
  const description = {
    eventLog: faults.servedEvents?.(build.eventLog) ?? build.eventLog,
    info: faults.servedInfo?.(info) ?? info,
  };
  return {
    name: "simulator",
    teeProvider: "simulator",
    teeHardware: "SIMULATED TDX",
    simulated: true,
    rootDer: new Uint8Array(pki.root.der),
    certificates: Object.fromEntries(CERTIFICATE_ROLES.map((role) => [role, new Uint8Array(pki[role].der)])) as Simulator["certificates"],
    get collateral() {
      return current();
    },
    quote: async (reportData) => writeQuote(reportData),
    describe: async () => description,
    endorsements: async () => ({ ...current() }),
    ...(host.gpus && { gpus: host.gpus }),
    issueCollateral: host.issue,
    launch: (changes) => launchTd(host, { ...options, ...changes }),
    policy: (name) => pinBuild(name, pinned, host.nowMs),
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
    vm_config: JSON.stringify({
      spec_version: 1,
      simulated: true,
      os_image_hash: build.osImageHash,
      ...(build.mrConfigDocument !== undefined && { mr_config: build.mrConfigDocument }),
    }),
  };
}

function pinBuild(name: string, build: SimulatedBuild, nowMs: number): SimulatorPolicy {
  const { mrtd, rtmr0, rtmr1, rtmr2, composeHash } = build;
  const date = new Date(nowMs).toISOString().slice(0, 10);
  const pinned = { name, source: `SIMULATED build ${build.name}`, date, mrtd, rtmr0, rtmr1, rtmr2, compose_hash: composeHash };
  return { version: 1, provider: "simulator", builds: [pinned], allow: { debug: false } };
}
