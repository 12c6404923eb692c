import { orFault, quotedName } from "../x509/issued.ts";
import type { Certificate } from "../x509/x509.ts";
import { issuedCertificates } from "./issued-certificate.ts";
import { type OcspResult, verifyOcspAnswer } from "./ocsp-answer.ts";
import { createCertId } from "./ocsp-request.ts";
import { isSameCertId, OcspError, type OcspResponse, type OcspSingleResponse, parseOcspResponse } from "./ocsp-response.ts";

/** A chain of 5 has 3 certificates to ask for, and 8 GPUs with their manifests share most of them. */
const MAX_OCSP_ANSWERS = 128;
/** Answers about one certificate that are verified: the latest one, and others only where that does not hold. */
const MAX_TRIED = 8;

/** Of one certificate, what the answers at hand say. */
export interface RevocationResult extends OcspResult {
  readonly cert: Certificate;
}

/** Answers to be searched for certificates. */
export interface OcspAnswers {
  readonly responses: readonly OcspResponse[];
  /** Clauses on answers that cannot be read. */
  readonly faults: readonly string[];
}

/** Reads the answers at hand; one that cannot be read does not take the others away. */
export function parseOcspAnswers(ders: readonly Uint8Array[]): OcspAnswers {
  const read = ders.slice(0, MAX_OCSP_ANSWERS).map((der) => orFault(OcspError, () => parseOcspResponse(der)));
  const beyond = ders.length > MAX_OCSP_ANSWERS ? [`${ders.length} OCSP answers are more than ${MAX_OCSP_ANSWERS}`] : [];
  return {
    responses: read.filter((response) => typeof response !== "string"),
    faults: [...read.filter((response) => typeof response === "string"), ...beyond],
  };
}

/**
 * Looks up each certificate of a verified path among the answers at hand. Of several valid answers the latest counts, and
 * of those of one moment bad news before good.
 * @param path each certificate followed by its issuer; the last one is only an issuer. NVIDIA's responder has no status for
 * the leaf of a device ("unauthorized"), so its path starts at the second certificate.
 */
export async function verifyRevocation(
  path: readonly Certificate[],
  answers: OcspAnswers,
  { nowMs, allowHold = false }: { readonly nowMs: number; readonly allowHold?: boolean },
): Promise<RevocationResult[]> {
  return Promise.all(
    issuedCertificates(path).map(async ({ cert, issuer }) => {
      const certId = await createCertId({ cert, issuer });
      const about = answers.responses.flatMap((response) => {
        const single = response.responses.find((candidate) => isSameCertId(candidate.certId, certId));
        return single ? [{ response, single }] : [];
      });
      const tried = about.toSorted((a, b) => compareNews(a.single, b.single)).slice(0, MAX_TRIED);
      let first: OcspResult | undefined;
      for (const { response } of tried) {
        const result = await verifyOcspAnswer(response, { cert, issuer, nowMs, allowHold });
        if (result.status !== undefined) return { cert, ...result };
        first ??= result;
      }
      return { cert, ...(first ?? describeAbsence(cert, answers)) };
    }),
  );
}

/** The latest first. An answer that is replayed beside another of the same moment must not make that one unheard. */
function compareNews(a: OcspSingleResponse, b: OcspSingleResponse): number {
  return b.thisUpdateMs - a.thisUpdateMs || Number(a.status === "good") - Number(b.status === "good");
}

function describeAbsence(cert: Certificate, { faults }: OcspAnswers): OcspResult {
  const unread = faults[0] === undefined ? "" : `, and one cannot be read: ${faults[0]}`;
  return { faults: [`no OCSP answer about ${quotedName(cert.commonName)} is at hand${unread}`] };
}
