import type { ConnectionFlags } from "./connection-flags.ts";
import type { EvidenceFlags } from "./evidence-flags.ts";
import { CommandError, EXIT } from "./exit.ts";
import type { CollateralFlags } from "./obtain-collateral.ts";
import type { GpuFlags } from "./obtain-gpu-endorsements.ts";

/** What `bauta verify` is told. */
export interface VerifyFlags
  extends
    EvidenceFlags,
    Omit<CollateralFlags, keyof EvidenceFlags>,
    Omit<GpuFlags, keyof EvidenceFlags | keyof CollateralFlags>,
    Pick<ConnectionFlags, "baseUrl" | "apiKey" | "allowUnpinned"> {
  readonly quote?: string | undefined;
  readonly gpu?: string | undefined;
}

/** Flags that mean nothing to a quote by itself, and nothing to GPUs by themselves. */
const NOT_FOR_QUOTES = { rims: "--rims", rimUrl: "--rim-url", ocspUrl: "--ocsp-url", nrasUrl: "--nras-url" } as const;
const NOT_FOR_GPUS = { collateral: "--collateral", pcsUrl: "--pcs-url", allowUnpinned: "--allow-unpinned" } as const;

/**
 * Checks that one thing is to be verified, and that no flag is about another.
 * @throws {CommandError} saying what to leave out or add; status 2
 */
export function checkMode(model: string | undefined, flags: VerifyFlags): void {
  const { quote, attestation, gpu, nonce } = flags;
  const named = [
    model !== undefined && `the model ${model}`,
    quote !== undefined && "--quote",
    attestation !== undefined && "--attestation",
    gpu !== undefined && "--gpu",
  ].filter((name) => name !== false);
  if (named.length === 0)
    throw usage("nothing to verify: name a model, or give --quote or --attestation or --gpu (bauta verify --help has examples)");
  if (named.length > 1) throw usage(`${named.join(" and ")} are different things to verify: give one of them`);
  if (attestation !== undefined && nonce === undefined)
    throw usage("--attestation needs --nonce: the nonce that the answer was asked with");
  if (gpu !== undefined && nonce === undefined) throw usage("--gpu needs --nonce: what the GPUs were asked to sign, 64 hex digits");
  if (attestation === undefined && gpu === undefined && nonce !== undefined)
    throw usage(
      quote === undefined
        ? "--nonce is for --attestation and --gpu: a running enclave is asked with a fresh nonce"
        : "--nonce is for --attestation and --gpu: --quote judges the platform alone",
    );
  if (quote !== undefined) refuse(flags, NOT_FOR_QUOTES, "is about GPUs: --quote judges the platform alone");
  if (gpu !== undefined) refuse(flags, NOT_FOR_GPUS, "is about enclaves: --gpu judges GPUs alone, by --rims");
}

/** @throws {CommandError} unless a nonce is 32 bytes in hex; status 2 */
export function checkNonce(nonce: string): void {
  if (!/^[0-9a-fA-F]{64}$/.test(nonce)) throw usage(`--nonce: a nonce has 64 hex digits, and this has ${nonce.length} characters`);
}

function refuse(flags: VerifyFlags, named: Partial<Record<keyof VerifyFlags, string>>, why: string): void {
  for (const [name, flag] of Object.entries(named)) {
    if (flags[name as keyof VerifyFlags] !== undefined) throw usage(`${flag} ${why}`);
  }
}

function usage(message: string): CommandError {
  return new CommandError(message, EXIT.usage);
}
