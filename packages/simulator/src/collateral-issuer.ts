import type { Collateral } from "@bauta/attestation";

/** Collateral is current for 30 days; a day-old one leaves its users ample time. */
const RENEW_AFTER_MS = 86_400_000;

/**
 * Keeps collateral current.
 * @param issue issues it for a moment
 * @param startMs when it is issued first
 * @param now the clock; without one the first collateral stays
 * @returns what is current: the same object for a day
 */
export function createCollateralIssuer(
  issue: (issuedMs: number) => Collateral,
  startMs: number,
  now: () => number = () => startMs,
): () => Collateral {
  let issuedMs = startMs;
  let collateral = issue(startMs);
  return () => {
    const nowMs = now();
    // A clock that was set back would have the collateral begin in the future.
    if (Math.abs(nowMs - issuedMs) >= RENEW_AFTER_MS) {
      collateral = issue(nowMs);
      issuedMs = nowMs;
    }
    return collateral;
  };
}
