import { createCollateralCache } from "../../packages/attestation/src/tdx/collateral-cache.ts";
import { appraisePlatform } from "../../packages/attestation/src/tdx/platform.ts";
import { parseTrustRoots } from "../../packages/attestation/src/tdx/trust-roots.ts";

const tcb = { accept: ["UpToDate"], refuse_advisories: [] };
const allow = { debug: false, sept_ve_disable_off: false, service_td: false };

/** The TDX core: every check of the platform, each time from the bytes, or with collateral that it has verified before. */
export async function create({ quote, collateral, nowMs }, { cached }) {
  const roots = parseTrustRoots([]);
  const cache = cached ? createCollateralCache() : undefined;
  return async () => {
    const platform = await appraisePlatform({ quote, endorsements: collateral, tcb, allow, nowMs, roots, ...(cache && { cache }) });
    const failed = platform.findings.filter(({ status }) => status === "fail");
    if (failed.length > 0 || platform.tcb?.status !== "UpToDate") throw new Error(failed[0]?.reason ?? "no verdict");
  };
}
