import type { GpuEndorsementNeed } from "./fetch-gpu-endorsements.ts";
import type { GpuEndorsements } from "./gpu-endorsements.ts";
import { gpuEndorsementNeed } from "./gpu-need.ts";
import { type IssuedCertificate, issuedCertificates } from "./issued-certificate.ts";
import type { GpuTrustRoots } from "./nvidia-roots.ts";
import { createCertId } from "./ocsp-request.ts";
import { isSameCertId } from "./ocsp-response.ts";
import { type OcspAnswers, parseOcspAnswers } from "./revocation.ts";
import { readRimSubject } from "./rim.ts";
import { isAbout } from "./rim-identifier.ts";
import { rimPath } from "./rim-path.ts";
import { nextTurn } from "./turn.ts";

/**
 * What has to be fetched for GPU evidence beside what came along with it. Unverified: a manifest or an answer that came
 * along stands in for one that would be fetched only where it is about the same thing, so that its check fails if it does
 * not hold. What is about nothing here spares nothing.
 * @param own at most as many pieces as an attestation answer may hold
 * @returns undefined when the evidence cannot be read, or nothing is missing
 */
export async function gpuEndorsementGap(
  json: string,
  roots: GpuTrustRoots,
  { own = { rims: [], ocsp: [] }, nowMs, secondOpinion }: GapContext,
): Promise<GpuEndorsementNeed | undefined> {
  const manifests: { readonly xml: string; readonly about: NonNullable<ReturnType<typeof readRimSubject>> }[] = [];
  for (const xml of own.rims) {
    const about = readRimSubject(xml);
    if (about) manifests.push({ xml, about });
    await nextTurn();
  }
  const used = new Set<string>();
  const need = gpuEndorsementNeed(json, roots, secondOpinion, (kind, versions) => {
    const found = manifests.filter(({ about }) => isAbout(about, kind, versions));
    for (const { xml } of found) used.add(xml);
    return found.length > 0;
  });
  if (!need) return undefined;
  const signers: IssuedCertificate[] = [];
  for (const xml of used) {
    signers.push(...issuedCertificates(rimPath(xml, need.rimRoots)));
    await nextTurn();
  }
  const answers = parseOcspAnswers(own.ocsp);
  const pairs = [...need.paths.flatMap(issuedCertificates), ...signers];
  const open = await Promise.all(pairs.map(async (pair) => ((await isAnswered(pair, answers, nowMs)) ? [] : [[pair.cert, pair.issuer]])));
  const paths = open.flat();
  return need.rimIds.length + paths.length > 0 || need.nras ? { ...need, paths } : undefined;
}

export interface GapContext {
  /** What came along. */
  readonly own?: GpuEndorsements | undefined;
  /** Milliseconds since 1970: an answer that is out of date answers nothing. */
  readonly nowMs: number;
  /** As `gpuEndorsementNeed` takes it. */
  readonly secondOpinion?: Uint8Array | undefined;
}

async function isAnswered(pair: IssuedCertificate, { responses }: OcspAnswers, nowMs: number): Promise<boolean> {
  const certId = await createCertId(pair);
  return responses.some(({ responses: singles }) =>
    singles.some(({ certId: named, nextUpdateMs = 0 }) => nextUpdateMs >= nowMs && isSameCertId(named, certId)),
  );
}
