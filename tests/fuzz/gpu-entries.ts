import { CertificateError, EvidenceError } from "../../packages/attestation/src/index.ts";
import { parseGpuEndorsements } from "../../packages/attestation/src/evidence/gpu-endorsements-answer.ts";
import { appraiseGpus } from "../../packages/attestation/src/nvidia/appraise-gpus.ts";
import { canonicalizeXml } from "../../packages/attestation/src/nvidia/canonical-xml.ts";
import { readCertifiedFirmware } from "../../packages/attestation/src/nvidia/device-certificate.ts";
import { GpuEvidenceError, parseGpuPayload } from "../../packages/attestation/src/nvidia/gpu-evidence.ts";
import { gpuEndorsementNeed } from "../../packages/attestation/src/nvidia/gpu-need.ts";
import { parseMeasurementReport } from "../../packages/attestation/src/nvidia/measurement-report.ts";
import { keyIdsOf, hasKeys } from "../../packages/attestation/src/nvidia/nras-request.ts";
import { verifyNrasAnswer } from "../../packages/attestation/src/nvidia/nras-token.ts";
import { parseGpuTrustRoots } from "../../packages/attestation/src/nvidia/nvidia-roots.ts";
import { OcspError, parseOcspResponse } from "../../packages/attestation/src/nvidia/ocsp-response.ts";
import { readFwid, readMode } from "../../packages/attestation/src/nvidia/opaque-data.ts";
import { parseP384Certificate } from "../../packages/attestation/src/nvidia/p384-certificate.ts";
import { parseOcspAnswers, verifyRevocation } from "../../packages/attestation/src/nvidia/revocation.ts";
import { readDeviceVersions } from "../../packages/attestation/src/nvidia/rim-identifier.ts";
import { verifyRim } from "../../packages/attestation/src/nvidia/rim.ts";
import { XmlError } from "../../packages/attestation/src/nvidia/xml-element.ts";
import { parseXml } from "../../packages/attestation/src/nvidia/xml.ts";
import type { GpuCorpus } from "./gpu-corpus.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { derEntry, jsonEntry, jsonTextEntry, MAX_MS, type ParserEntry, textEntry } from "./parser-entry.ts";

/** Every parser of what GPUs and NVIDIA say. What says `[]` gives findings, whatever it is given. */
export function gpuEntries(corpus: GpuCorpus, nowMs: number): ParserEntry[] {
  const roots = parseGpuTrustRoots(corpus.roots);
  const rimRoots = [roots.rim, ...roots.named];
  const { nonce } = corpus;
  const question = { nonce, nowMs, roots: corpus.roots.map((der) => Uint8Array.from(der)) };
  const path = corpus.certificates.slice(1, 5).map(parseP384Certificate);
  const appraise = (payload: string, rims: readonly string[] = [], ocsp: readonly Uint8Array[] = []) =>
    appraiseGpus({ payload, nonce, endorsements: { rims, ocsp }, rules: { allow_hold: false }, nowMs, roots });
  const payload = corpus.payloads[0] ?? "";
  return [
    jsonTextEntry("GPU evidence", [GpuEvidenceError], corpus.payloads, parseGpuPayload),
    jsonTextEntry("GPU endorsement need", [], corpus.payloads, (text) => gpuEndorsementNeed(text, roots, nonce)),
    {
      name: "measurement report",
      form: "bytes",
      ownErrors: [GpuEvidenceError],
      seeds: corpus.reports,
      mutate: mutateBytes,
      run(input) {
        const { opaque } = parseMeasurementReport(input);
        readDeviceVersions(opaque, "hopper");
        readMode(opaque);
        readFwid(opaque);
      },
      maxMs: MAX_MS,
    },
    derEntry("GPU certificate", [CertificateError], corpus.certificates, parseP384Certificate),
    derEntry("GPU certificate's firmware", [CertificateError], corpus.certificates, (input) =>
      readCertifiedFirmware(parseP384Certificate(input)),
    ),
    textEntry("XML", [XmlError], corpus.rims, (text) => canonicalizeXml(parseXml(text))),
    textEntry("manifest", [], corpus.rims, (text) => verifyRim(text, { nowMs, roots: rimRoots })),
    derEntry("OCSP answer", [OcspError], corpus.ocsp, parseOcspResponse),
    derEntry("revocation, by its answers", [], corpus.ocsp, (der) => verifyRevocation(path, parseOcspAnswers([der]), { nowMs })),
    jsonEntry(
      "NRAS answer",
      [],
      corpus.opinions.map(({ token }) => token),
      (token) => verifyNrasAnswer(token, corpus.opinions[0]?.jwks, question),
    ),
    jsonEntry(
      "NRAS key set",
      [],
      corpus.opinions.map(({ jwks }) => jwks),
      (jwks) => {
        const { token } = corpus.opinions[0] ?? {};
        hasKeys(jwks, keyIdsOf(token));
        return verifyNrasAnswer(token, jwks, question);
      },
    ),
    jsonEntry(
      "GPU endorsements in an answer",
      [EvidenceError],
      [{ rims: corpus.rims.slice(0, 1), ocsp: corpus.ocsp.map((der) => Buffer.from(der).toString("base64")) }],
      parseGpuEndorsements,
    ),
    jsonTextEntry("GPUs, by their evidence", [], corpus.payloads, (text) => appraise(text)),
    textEntry("GPUs, by their manifests", [], corpus.rims, (xml) => appraise(payload, [xml])),
    derEntry("GPUs, by their OCSP answers", [], corpus.ocsp, (der) => appraise(payload, [], [der])),
  ];
}
