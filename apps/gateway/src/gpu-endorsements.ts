import { CollateralError, createGpuEndorsementSource, type GpuEndorsementSource } from "@bauta/attestation";
import type { Logger } from "pino";

/** Where the gateway asks about GPUs; what is left out is not asked. */
export interface GpuServices {
  /** NVIDIA's manifests. */
  readonly rimUrl?: string;
  /** NVIDIA's word on withdrawn certificates. */
  readonly ocspUrl?: string;
  /** NVIDIA's Remote Attestation Service. */
  readonly nrasUrl?: string;
}

/** Several requests follow one another: a manifest, and then the status of its signers. */
const STEPS = 3;

/**
 * Opens the configured source of what NVIDIA says about GPUs; undefined where none is configured.
 * @param timeoutMs the longest that all of one appraisal's requests together may take
 */
export function openGpuEndorsementSource(
  services: GpuServices,
  timeoutMs: number,
  nowMs: () => number,
  logger: Logger,
): GpuEndorsementSource | undefined {
  const { rimUrl, ocspUrl, nrasUrl } = services;
  if (rimUrl === undefined && ocspUrl === undefined && nrasUrl === undefined) return undefined;
  const stepMs = Math.max(1, Math.floor(timeoutMs / STEPS));
  const source = createGpuEndorsementSource({
    ...services,
    fetch: (url, init) => globalThis.fetch(url, init),
    nowMs,
    timeoutMs: stepMs,
    maxWaitMs: stepMs,
    onProblem: ({ code, message }) => logger.warn({ code, message }, "gpu endorsements"),
  });
  return {
    ...source,
    // A service that the configuration does not name is NVIDIA's own to the source, and is to be asked by nobody.
    fetch: ({ nras, ...need }, signal) =>
      source.fetch(
        {
          ...need,
          ...((rimUrl === undefined || ocspUrl === undefined) && { rimIds: [], paths: [] }),
          ...(nras && nrasUrl !== undefined && { nras }),
        },
        signal,
      ),
  };
}

/**
 * Bounds a source. GPUs that nothing came for in time are judged without: the policy says whether that will do.
 * @param timeoutMs the longest that all pieces for one appraisal together may take
 */
export function withinTime(source: GpuEndorsementSource, timeoutMs: number): GpuEndorsementSource {
  return {
    ...source,
    async fetch(need, signal) {
      const timeout = AbortSignal.timeout(timeoutMs);
      const stop = signal ? AbortSignal.any([signal, timeout]) : timeout;
      // Not on the source's good will alone: a verification that never ends would never be made again.
      const late = new Promise<never>((_, reject) =>
        timeout.addEventListener("abort", () => reject(timeout.reason as Error), { once: true }),
      );
      try {
        return await Promise.race([source.fetch(need, stop), late]);
      } catch (cause) {
        if (!timeout.aborted) throw cause;
        const problem = new CollateralError("collateral_unreachable", "(whole)", `did not come within ${timeoutMs} ms`, { cause });
        return { endorsements: { rims: [], ocsp: [] }, problems: [problem] };
      }
    },
  };
}

/** A member of the configuration that cannot be used. */
export interface GpuServiceProblem {
  readonly field: "rim_url" | "ocsp_url" | "nras_url";
  readonly problem: string;
}

const FIELDS = [
  ["rim_url", "rimUrl"],
  ["ocsp_url", "ocspUrl"],
  ["nras_url", "nrasUrl"],
] as const;

/** @returns what is wrong with the addresses of NVIDIA's services */
export function findGpuServiceProblems(services: GpuServices): GpuServiceProblem[] {
  const problems = FIELDS.flatMap(([field, name]): GpuServiceProblem[] => {
    const url = services[name];
    const problem = url === undefined ? undefined : findAddressProblem({ [name]: url });
    return problem === undefined ? [] : [{ field, problem }];
  });
  const { rimUrl, ocspUrl } = services;
  if (rimUrl !== undefined && ocspUrl === undefined)
    problems.push({ field: "rim_url", problem: "needs ocsp_url beside it: a manifest counts only while its signer was not withdrawn" });
  if (ocspUrl !== undefined && rimUrl === undefined)
    problems.push({ field: "ocsp_url", problem: "needs rim_url beside it: whose status to ask for is in the manifests, too" });
  return problems;
}

function findAddressProblem(services: GpuServices): string | undefined {
  try {
    createGpuEndorsementSource({ ...services, fetch: globalThis.fetch, nowMs: () => 0 }).close();
    return undefined;
  } catch (error) {
    if (error instanceof CollateralError) return error.problem;
    throw error;
  }
}
