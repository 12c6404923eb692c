import { CollateralError, type CollateralSource, createCollateralSource, INTEL_PCS_URL } from "@bauta/attestation";
import { openCollateralFolder } from "./collateral-folder.ts";
import { CommandError, EXIT } from "./exit.ts";
import { withProgress } from "./progress.ts";

/** What a person can do when a service does not give collateral, behind what went wrong. */
export interface CollateralServiceOptions {
  /** Intel's unless given. */
  readonly pcsUrl?: string | undefined;
  /** Such as `give it with --collateral, or another service with --pcs-url`. */
  readonly remedy: string;
}

/**
 * Opens the service that collateral is fetched from where nobody sends it along; what was fetched is kept in this user's
 * folder. A command does not live long enough to renew anything in the background, so what is due is renewed before use.
 * Nothing is asked or read until something is fetched.
 * @throws {CommandError} for an address that cannot be used, status 2; `fetch` throws CollateralError with the remedy
 */
export function openCollateralService({ pcsUrl, remedy }: CollateralServiceOptions): CollateralSource {
  const source = openSource(pcsUrl);
  return {
    async fetch(need, signal) {
      try {
        return await withProgress("fetching Intel's collateral", source.fetch(need, signal));
      } catch (error) {
        if (!(error instanceof CollateralError)) throw error;
        const { code, field, problem, retryAfterMs } = error;
        throw new CollateralError(code, field, `${problem}; ${remedy}`, { cause: error, retryAfterMs });
      }
    },
    close: () => source.close(),
  };
}

function openSource(baseUrl: string = INTEL_PCS_URL): CollateralSource {
  try {
    return createCollateralSource({
      baseUrl,
      fetch: (input, init) => globalThis.fetch(input, init),
      nowMs: Date.now,
      store: openCollateralFolder(),
      renewBeforeUse: true,
    });
  } catch (error) {
    if (!(error instanceof CollateralError)) throw error;
    throw new CommandError(`--pcs-url: ${error.problem}`, EXIT.usage, error);
  }
}
