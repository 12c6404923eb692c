import { type CollateralLibrary, createCollateralLibrary } from "@bauta/attestation";
import { readFiles } from "./input-folder.ts";

/**
 * Reads collateral from a file, or from all files that lie in a folder (not in folders within it): sets in the common
 * JSON shape, attestation answers with `endorsements`, recorded answers of Intel's service, CRLs and chains.
 * @throws CollateralError saying which file, what is wrong with it, and what is missing
 */
export async function loadCollateral(path: string): Promise<CollateralLibrary> {
  return createCollateralLibrary(await readFiles(path), path);
}
