import { CollateralError, type CollateralFile, type GpuEndorsements } from "@bauta/attestation";
import { readFiles } from "./input-folder.ts";
import { type GpuPiece, readGpuPiece } from "./gpu-piece.ts";

/** As many manifests as an appraisal looks at. */
const MAX_RIMS = 64;
/** As many OCSP answers as an appraisal looks at. */
const MAX_OCSP_ANSWERS = 128;

/** What NVIDIA says about GPUs, out of files; nothing in it has been verified. */
export interface GpuLibrary {
  /** Undefined when the files hold nothing of it. */
  readonly endorsements: GpuEndorsements | undefined;
  /** What could not be read, or is not of use. */
  readonly problems: readonly CollateralError[];
}

/** What a path may hold, for messages. */
export const GPU_FILES = "manifests (XML, or NVIDIA's JSON answers), OCSP answers (DER), an answer of NRAS with its key set";

/**
 * Reads what NVIDIA says about GPUs from a file, or from all files that lie in a folder (not in folders within it). Files
 * of other kinds are passed over: Intel's collateral may lie beside.
 * @throws CollateralError when the path cannot be read
 */
export async function loadGpuEndorsements(path: string): Promise<GpuLibrary> {
  return createGpuLibrary(await readFiles(path), path);
}

/** @param where names the whole in problems: a file or a folder */
function createGpuLibrary(files: readonly CollateralFile[], where: string): GpuLibrary {
  const problems: CollateralError[] = [];
  const pieces = files.flatMap((file) => readFile(file, problems));
  const texts = pieces.flatMap((piece) => (piece.kind === "endorsements" ? piece.endorsements.rims : []));
  const rims = atMost([...new Set(texts)], MAX_RIMS, "manifests", where, problems);
  const answers = pieces.flatMap((piece) => (piece.kind === "endorsements" ? piece.endorsements.ocsp : []));
  const ocsp = atMost(answers, MAX_OCSP_ANSWERS, "OCSP answers", where, problems);
  const nras = readOpinion(pieces, where, problems);
  const nothing = rims.length + ocsp.length === 0 && !nras;
  return { endorsements: nothing ? undefined : { rims, ocsp, ...(nras && { nras }) }, problems };
}

function readFile(file: CollateralFile, problems: CollateralError[]): GpuPiece[] {
  try {
    const piece = readGpuPiece(file);
    return piece ? [piece] : [];
  } catch (error) {
    if (!(error instanceof CollateralError)) throw error;
    problems.push(error);
    return [];
  }
}

function atMost<T>(all: readonly T[], most: number, what: string, where: string, problems: CollateralError[]): readonly T[] {
  if (all.length > most)
    problems.push(new CollateralError("collateral_malformed", where, `holds ${all.length} ${what}, of which the first ${most} are used`));
  return all.slice(0, most);
}

/** An answer counts for one request only, so that of several nobody knows which is meant. */
function readOpinion(pieces: readonly GpuPiece[], where: string, problems: CollateralError[]): GpuEndorsements["nras"] {
  const tokens = pieces.flatMap((piece) => (piece.kind === "nras" ? [piece.token] : []));
  const keySets = pieces.flatMap((piece) => (piece.kind === "keySet" ? [piece.jwks] : []));
  const [token, jwks] = [tokens[0], keySets[0]];
  if (token === undefined) return undefined;
  if (jwks !== undefined && tokens.length === 1 && keySets.length === 1) return { token, jwks };
  const problem =
    tokens.length > 1
      ? `holds ${tokens.length} answers of NRAS, of which one at most counts for a request: none is used`
      : jwks === undefined
        ? "holds an answer of NRAS without its key set (/.well-known/jwks.json), so it is not used"
        : "holds several key sets for an answer of NRAS, so it is not used";
  problems.push(new CollateralError("collateral_malformed", where, problem));
  return undefined;
}
