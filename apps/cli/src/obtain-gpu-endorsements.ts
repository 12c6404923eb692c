import { type AppraisalRequest, CollateralError, createAppraiser, type GpuEndorsements } from "@bauta/attestation";
import { warn } from "./cache-folder.ts";
import { type EvidenceFlags, readMoment } from "./evidence-flags.ts";
import { CommandError, EXIT } from "./exit.ts";
import { GPU_FILES, type GpuLibrary, loadGpuEndorsements } from "./gpu-files.ts";
import { describeGpuService, type GpuServiceFlags, openGpuService } from "./gpu-service.ts";

/** How a person says where NVIDIA's word on GPUs may come from. */
export interface GpuFlags extends GpuServiceFlags, Pick<EvidenceFlags, "rims" | "collateral" | "at"> {
  readonly offline?: true | undefined;
}

/** What GPUs are judged by. */
export interface ObtainedGpuEndorsements {
  readonly endorsements?: GpuEndorsements | undefined;
  /** Where it came from, for people. */
  readonly from: string;
  /** It was handed over; or NVIDIA is asked for what was not; or nobody is. */
  readonly source: "files" | "service" | "none";
}

/** GPU evidence, and for whom it is judged. */
export type GpuRequest = Pick<AppraisalRequest, "evidence" | "policy" | "nonce"> & {
  readonly trustRoots: readonly Uint8Array[];
};

/**
 * Finds what NVIDIA says about the GPUs of an answer: what `--rims` names, or else lies beside the collateral, together
 * with what came along; without files, what came along or else NVIDIA's services have. It is signed in each case, so that
 * it does not matter who hands it over.
 * @throws {CommandError} status 2 for a flag or file that cannot be used
 */
export async function obtainGpuEndorsements(request: GpuRequest, flags: GpuFlags): Promise<ObtainedGpuEndorsements> {
  const { gpuEndorsements: own } = request.evidence;
  const files = await readGpuFiles(flags);
  if (files) {
    const { rims, ocsp, nras } = files.endorsements;
    const endorsements = { rims: [...rims, ...(own?.rims ?? [])], ocsp: [...ocsp, ...(own?.ocsp ?? [])], ...(nras && { nras }) };
    return { endorsements, from: files.path, source: "files" };
  }
  if (flags.offline !== true && flags.at === undefined) return ask(request, flags);
  if (own) return { endorsements: own, from: SENT_ALONG, source: "files" };
  return { from: `none (${flags.offline === true ? "--offline" : "--at without --rims"})`, source: "none" };
}

const SENT_ALONG = "sent along with the answer";

/** Asks NVIDIA's services for what did not come along. */
async function ask({ trustRoots, ...request }: GpuRequest, flags: GpuFlags): Promise<ObtainedGpuEndorsements> {
  const service = openGpuService(flags);
  let asked = false;
  const source: typeof service = {
    ...service,
    fetch(need, signal) {
      asked = true;
      return service.fetch(need, signal);
    },
  };
  const appraiser = createAppraiser({ nowMs: () => readMoment(flags), trustRoots, gpuEndorsements: source });
  try {
    const endorsements = await appraiser.gpuEndorsements(request);
    const asking = describeGpuService(flags, request.policy.require.includes("gpu.nras"));
    return { endorsements, from: asked ? asking : endorsements ? SENT_ALONG : "none: the evidence cannot be read", source: "service" };
  } finally {
    service.close();
  }
}

/** Files that were named for GPUs must be of use; the collateral's folder may hold nothing about them. */
async function readGpuFiles({ rims, collateral }: GpuFlags): Promise<{ endorsements: GpuEndorsements; path: string } | undefined> {
  const path = rims ?? collateral;
  if (path === undefined) return undefined;
  const { endorsements, problems } = await load(path);
  const [problem] = problems;
  if (rims !== undefined && !endorsements)
    throw new CommandError(
      problem ? `${problem.field}: ${problem.problem}` : `--rims ${path}: holds none of what it is for: ${GPU_FILES}`,
      EXIT.usage,
      problem,
    );
  for (const { field, problem: why } of problems) warn(`${field}: ${why}`);
  return endorsements && { endorsements, path };
}

async function load(path: string): Promise<GpuLibrary> {
  try {
    return await loadGpuEndorsements(path);
  } catch (error) {
    throw error instanceof CollateralError ? new CommandError(`${error.field}: ${error.problem}`, EXIT.usage, error) : error;
  }
}
