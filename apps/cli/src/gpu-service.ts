import {
  CollateralError,
  createGpuEndorsementSource,
  type GpuEndorsementSource,
  NVIDIA_NRAS_URL,
  NVIDIA_OCSP_URL,
  NVIDIA_RIM_URL,
} from "@bauta/attestation";
import { cacheFolder, warn } from "./cache-folder.ts";
import type { ConnectionFlags } from "./connection-flags.ts";
import { CommandError, EXIT } from "./exit.ts";
import { createGpuDirectory } from "./gpu-directory.ts";
import { withProgress } from "./progress.ts";

/** Where to ask about GPUs; NVIDIA's services unless given. */
export type GpuServiceFlags = Pick<ConnectionFlags, "rimUrl" | "ocspUrl" | "nrasUrl">;

const FLAGS: Readonly<Record<string, string>> = { rimUrl: "--rim-url", ocspUrl: "--ocsp-url", nrasUrl: "--nras-url" };
/** Of what failed, and of ways to fail: more would push the result off the screen, and the checks say what is missing. */
const MAX_TOLD = 3;

/**
 * Opens the services that know what GPUs are judged by; what was fetched is kept in this user's folder. What they do not
 * give is told once, in a warning: the checks that need it are not made. Nothing is asked until something is fetched.
 * @throws {CommandError} for an address that cannot be used, status 2
 */
export function openGpuService(flags: GpuServiceFlags): GpuEndorsementSource {
  const source = openSource(flags);
  return {
    ...source,
    async fetch(need, signal) {
      const words = need.nras ? "asking NVIDIA's services about the GPUs" : "fetching NVIDIA's manifests and OCSP answers";
      const fetched = await withProgress(words, source.fetch(need, signal));
      if (fetched.problems.length > 0) warn(describeProblems(fetched.problems));
      return fetched;
    },
  };
}

/** Names what is asked about GPUs, for people. */
export function describeGpuService({ rimUrl, ocspUrl, nrasUrl }: GpuServiceFlags, nras: boolean): string {
  if (rimUrl === undefined && ocspUrl === undefined && (!nras || nrasUrl === undefined)) {
    const hosts = [NVIDIA_RIM_URL, NVIDIA_OCSP_URL, ...(nras ? [NVIDIA_NRAS_URL] : [])].map((url) => new URL(url).host);
    return `NVIDIA's services (${hosts.join(", ")})`;
  }
  return [rimUrl ?? NVIDIA_RIM_URL, ocspUrl ?? NVIDIA_OCSP_URL, ...(nras ? [nrasUrl ?? NVIDIA_NRAS_URL] : [])].join(", ");
}

function openSource({ rimUrl, ocspUrl, nrasUrl }: GpuServiceFlags): GpuEndorsementSource {
  try {
    return createGpuEndorsementSource({
      ...(rimUrl !== undefined && { rimUrl }),
      ...(ocspUrl !== undefined && { ocspUrl }),
      ...(nrasUrl !== undefined && { nrasUrl }),
      fetch: (input, init) => globalThis.fetch(input, init),
      nowMs: Date.now,
      store: createGpuDirectory(cacheFolder("gpu"), { onWarning: warn }),
      onProblem: ({ problem }) => warn(`${cacheFolder("gpu")}: ${problem}`),
    });
  } catch (error) {
    if (!(error instanceof CollateralError)) throw error;
    throw new CommandError(`${FLAGS[error.field] ?? error.field}: ${error.problem}`, EXIT.usage, error);
  }
}

/** A service that is down fails in all that it is asked for: what failed alike stands together. */
function describeProblems(problems: readonly CollateralError[]): string {
  const fields = new Map<string, readonly string[]>();
  for (const { field, problem } of problems) fields.set(problem, [...(fields.get(problem) ?? []), field]);
  const told = [...fields].slice(0, MAX_TOLD).map(([problem, names]) => {
    const rest = names.length - MAX_TOLD;
    return `${names.slice(0, MAX_TOLD).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}: ${problem}`;
  });
  return `not all about the GPUs could be had: ${told.join("; ")}`;
}
