import { CollateralError, type CollateralSource, createCollateralSource } from "@bauta/attestation";
import type { Logger } from "pino";

/** Opens the configured source of Intel's collateral; undefined where none is configured. */
export function openCollateralSource(url: string | undefined, nowMs: () => number, logger: Logger): CollateralSource | undefined {
  if (url === undefined) return undefined;
  return createCollateralSource({
    baseUrl: url,
    fetch: (input, init) => globalThis.fetch(input, init),
    nowMs,
    onProblem: ({ code, message }) => logger.warn({ code, message }, "collateral"),
  });
}

/** @returns what is wrong with the address of a source */
export function findUrlProblem(url: string): string | undefined {
  try {
    createCollateralSource({ baseUrl: url, fetch: globalThis.fetch, nowMs: () => 0 }).close();
    return undefined;
  } catch (error) {
    if (error instanceof CollateralError) return error.message;
    throw error;
  }
}
