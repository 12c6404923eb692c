import { orFault, quotedName } from "../x509/issued.ts";
import type { Certificate } from "../x509/x509.ts";
import { issuedCertificates } from "./issued-certificate.ts";
import { type OcspResult, verifyOcspAnswer } from "./ocsp-answer.ts";
import { createCertId } from "./ocsp-request.ts";
import { isSameCertId, OcspError, type OcspResponse, parseOcspResponse } from "./ocsp-response.ts";

/** A chain of 5 has 3 certificates to ask for, and 8 GPUs with their manifests share most of them. */
const MAX_OCSP_ANSWERS = 128;

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
 * Looks up each certificate of a verified path among the answers at hand. Of several valid answers the latest counts.
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
      const about = answers.responses.filter(({ responses }) => responses.some((single) => isSameCertId(single.certId, certId)));
      const results = await Promise.all(about.map((response) => verifyOcspAnswer(response, { cert, issuer, nowMs, allowHold })));
      return { cert, ...pickResult(results, cert, answers) };
    }),
  );
}

function pickResult(results: readonly OcspResult[], cert: Certificate, { faults }: OcspAnswers): OcspResult {
  const [latest] = results.filter(({ status }) => status !== undefined).toSorted((a, b) => (b.thisUpdateMs ?? 0) - (a.thisUpdateMs ?? 0));
  const [first] = results;
  const unread = faults[0] === undefined ? "" : `, and one cannot be read: ${faults[0]}`;
  return latest ?? first ?? { faults: [`no OCSP answer about ${quotedName(cert.commonName)} is at hand${unread}`] };
}
