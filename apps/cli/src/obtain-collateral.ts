import {
  type Collateral,
  CollateralError,
  type CollateralNeed,
  collateralNeed,
  type Evidence,
  INTEL_PCS_URL,
  type RollbackMemory,
} from "@bauta/attestation";
import { openCollateralMemory } from "./collateral-folder.ts";
import { openCollateralService } from "./collateral-service.ts";
import { type EvidenceFlags, readMoment } from "./evidence-flags.ts";
import { CommandError, EXIT } from "./exit.ts";

/** How a person says where collateral may come from. */
export interface CollateralFlags extends Pick<EvidenceFlags, "collateral" | "at"> {
  readonly pcsUrl?: string | undefined;
  readonly offline?: true | undefined;
}

/** Collateral, and for people where it came from. */
export interface ObtainedCollateral {
  readonly endorsements?: Collateral;
  readonly from: string;
  /** What was seen before, where others could have handed over old collateral that still holds. */
  readonly memory?: RollbackMemory;
}

/**
 * Finds the collateral of the machine that made a quote: what `--collateral` names, else what came with the answer, else
 * Intel's. It is signed in each case, so that it does not matter who hands it over.
 * @throws {CommandError} status 2 for a flag or file that cannot be used, 1 when a service cannot be asked
 */
export async function obtainCollateral(evidence: Evidence, flags: CollateralFlags): Promise<ObtainedCollateral> {
  const need = collateralNeed(evidence.quote);
  const { collateral: path, pcsUrl, offline, at } = flags;
  if (path !== undefined) {
    const endorsements = await readCollateral(path, need, readMoment(flags));
    return endorsements ? { endorsements, from: path } : { from: NO_MACHINE };
  }
  if (evidence.endorsements) {
    return { endorsements: evidence.endorsements, from: "sent along with the answer", ...(await recall(flags)) };
  }
  if (!need) return { from: NO_MACHINE };
  if (offline) throw new CommandError("no collateral: give --collateral, or leave out --offline to ask Intel for it", EXIT.usage);
  if (at !== undefined) throw new CommandError("--at needs --collateral of that time: Intel's service gives today's only", EXIT.usage);
  const endorsements = await fetchCollateral(need, pcsUrl);
  return { endorsements, from: pcsUrl ?? `Intel's service (${new URL(INTEL_PCS_URL).host})`, ...(await recall(flags)) };
}

const NO_MACHINE = "none: the quote does not say which machine it is of";

/** The memory is of now: what was recorded had lower numbers. */
async function recall({ at }: CollateralFlags): Promise<{ readonly memory?: RollbackMemory }> {
  return at === undefined ? { memory: await openCollateralMemory() } : {};
}

/** Reads a file or folder, also where no machine is known: what is wrong with it is said in any case. */
async function readCollateral(path: string, need: CollateralNeed | undefined, atMs: number): Promise<Collateral | undefined> {
  const { loadCollateral } = await import("./collateral-files.ts");
  try {
    const library = await loadCollateral(path);
    return need && library.select(need, atMs);
  } catch (error) {
    throw error instanceof CollateralError ? new CommandError(error.message, EXIT.usage, error) : error;
  }
}

/** Fetches a machine's collateral, unless what was fetched before still holds. */
async function fetchCollateral(need: CollateralNeed, pcsUrl: string | undefined): Promise<Collateral> {
  const service = openCollateralService({ pcsUrl, remedy: "give it with --collateral, or another service with --pcs-url" });
  try {
    return await service.fetch(need);
  } catch (error) {
    throw error instanceof CollateralError ? new CommandError(error.message, EXIT.failed, error) : error;
  } finally {
    service.close();
  }
}
