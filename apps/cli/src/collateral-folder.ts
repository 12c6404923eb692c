import {
  type CollateralStore,
  createRollbackMemory,
  openRollbackMemory,
  type RollbackMemory,
  type RollbackNumbers,
  type RollbackStore,
} from "@bauta/attestation";
import { cacheFolder, warn } from "./cache-folder.ts";
import { createCollateralDirectory } from "./collateral-directory.ts";
import { CommandError, EXIT } from "./exit.ts";

/** Where collateral and the highest numbers seen of it outlive a command. */
export function openCollateralFolder(): CollateralStore & RollbackStore {
  return createCollateralDirectory(collateralFolder(), { onWarning: warn });
}

/** In front of the numbers below a root other than Intel's. */
const NAMED_ROOT = /^[0-9a-f]{16}:/;

/**
 * The highest numbers seen of Intel's collateral. Those below other roots count as long as this process: each simulator
 * has a root of its own and ends with it, and thousands of them must not crowd out Intel's.
 * @throws {CommandError} when the folder cannot be read: then nobody knows whether collateral is an old one
 */
export async function openCollateralMemory(): Promise<RollbackMemory> {
  try {
    const kept = await openRollbackMemory(openCollateralFolder());
    const passing = createRollbackMemory();
    return {
      remembered: (key) => (NAMED_ROOT.test(key) ? passing : kept).remembered(key),
      async note(numbers) {
        const [ofIntel, ofOthers] = [false, true].map((named) =>
          Object.fromEntries(Object.entries(numbers).filter(([key]) => NAMED_ROOT.test(key) === named)),
        ) as [RollbackNumbers, RollbackNumbers];
        await passing.note(ofOthers);
        // A disk that cannot be written takes nothing from what was just verified.
        await kept
          .note(ofIntel)
          .catch((error: unknown) => warn(`the numbers of this collateral are not remembered in ${collateralFolder()}: ${codeOf(error)}`));
      },
    };
  } catch (error) {
    throw new CommandError(
      `${collateralFolder()}: the numbers of earlier collateral cannot be read (${codeOf(error)})`,
      EXIT.failed,
      error,
    );
  }
}

function collateralFolder(): string {
  return cacheFolder("collateral");
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown";
}
