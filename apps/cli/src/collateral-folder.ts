import { homedir } from "node:os";
import { join } from "node:path";
import { type CollateralStore, openRollbackMemory, type RollbackMemory, type RollbackStore } from "@bauta/attestation";
import { createCollateralDirectory } from "./collateral-directory.ts";
import { CommandError, EXIT } from "./exit.ts";
import { createTerminal } from "./terminal.ts";

/** Where collateral and the highest numbers seen of it outlive a command. */
export function openCollateralFolder(): CollateralStore & RollbackStore {
  return createCollateralDirectory(collateralFolder(), { onWarning: warn });
}

/**
 * The highest numbers seen of Intel's collateral.
 * @throws {CommandError} when the folder cannot be read: then nobody knows whether collateral is an old one
 */
export async function openCollateralMemory(): Promise<RollbackMemory> {
  try {
    const memory = await openRollbackMemory(openCollateralFolder());
    return {
      remembered: memory.remembered,
      // A disk that cannot be written takes nothing from what was just verified.
      note: (numbers) =>
        memory
          .note(numbers)
          .catch((error: unknown) => warn(`the numbers of this collateral are not remembered in ${collateralFolder()}: ${codeOf(error)}`)),
    };
  } catch (error) {
    throw new CommandError(
      `${collateralFolder()}: the numbers of earlier collateral cannot be read (${codeOf(error)})`,
      EXIT.failed,
      error,
    );
  }
}

/** Where this user's programs keep what can be had again. */
function collateralFolder({ XDG_CACHE_HOME: xdg, LOCALAPPDATA: local }: NodeJS.ProcessEnv = process.env): string {
  const caches = process.platform === "win32" && local ? local : xdg?.startsWith("/") ? xdg : join(homedir(), ".cache");
  return join(caches, "bauta", "collateral");
}

function warn(words: string): void {
  const terminal = createTerminal(process.stderr);
  terminal.line(`${terminal.warn("warning:")} ${words}`);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown";
}
