import { GPU_CHECKS } from "@bauta/attestation";
import { toBase64 } from "@bauta/protocol";
import type { Platform } from "@bauta/enclave";
import { createSimulator, type SimulatedGpus, type Simulator } from "@bauta/simulator";

/** What the simulator answers about its GPUs holds for a day; verifiers' clocks and its own may differ by minutes. */
const RENEW_AFTER_MS = 5 * 60_000;
const PEM_LINE = /.{1,64}/g;

/** A simulated machine with simulated GPUs, and what a client has to know to accept it. */
export interface DemoPlatform {
  readonly platform: Platform;
  readonly gpus: SimulatedGpus;
  /** The roots of machine, GPUs, their manifests and NRAS, DER. */
  readonly trustRoots: readonly Uint8Array[];
  /** The same, PEM. */
  readonly trustRootsPem: string;
  /** The contents of a policy file that pins this build, and requires what its keys statement and its GPUs prove. */
  readonly policy: object;
}

/**
 * Makes the machine that the demo's enclave runs on, with one GPU.
 * @param now the clock, milliseconds since 1970: what is said about machine and GPUs is issued anew by it
 * @param kept what the machine's keys follow from, and when they were made; new ones unless given
 */
export function createDemoPlatform(now: () => number, kept: { readonly seed?: Uint8Array; readonly madeMs?: number } = {}): DemoPlatform {
  const simulator = createSimulator({ nowMs: kept.madeMs ?? now(), now, seed: kept.seed, gpus: { count: 1 } });
  const { gpus } = simulator;
  if (!gpus) throw new Error("the simulator has none of the GPUs that it was asked for");
  const trustRoots = [simulator.rootDer, gpus.deviceRootDer, gpus.rimRootDer, gpus.nrasRootDer];
  return {
    platform: withGpus(simulator, gpus, now),
    gpus,
    trustRoots,
    trustRootsPem: trustRoots.map(toPem).join(""),
    policy: {
      ...simulator.policy("demo"),
      // Whole requests are sealed, for both models: the enclave has version 2.
      protocol: 2,
      gpu: { count: gpus.count },
      // The demo's enclave signs a keys statement: whoever takes it out of an answer on the way is refused.
      // One GPU has no switches.
      require: ["keys.signed", ...GPU_CHECKS.filter((id) => id !== "gpu.switches")],
    },
  };
}

function withGpus(simulator: Simulator, gpus: SimulatedGpus, now: () => number): Platform {
  let issuedMs = -Infinity;
  let answers: Promise<readonly Uint8Array[]> = Promise.resolve([]);
  const { name, teeProvider, teeHardware, simulated } = simulator;
  return {
    name,
    teeProvider,
    teeHardware: `${teeHardware}, ${gpus.count} SIMULATED ${gpus.arch} GPU`,
    simulated,
    quote: (reportData) => simulator.quote(reportData),
    describe: () => simulator.describe(),
    endorsements: () => simulator.endorsements(),
    gpuEvidence: (nonce) => gpus.payload(nonce),
    async gpuEndorsements() {
      // A clock that was set back would have the answers begin in the future.
      if (Math.abs(now() - issuedMs) >= RENEW_AFTER_MS) {
        issuedMs = now();
        answers = gpus.ocsp();
      }
      return { rims: gpus.rims, ocsp: await answers };
    },
    close: () => simulator.close(),
  };
}

function toPem(der: Uint8Array): string {
  const lines = toBase64(der).match(PEM_LINE) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
