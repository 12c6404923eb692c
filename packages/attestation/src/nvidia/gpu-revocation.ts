import { equalBytes } from "@bauta/protocol";
import { type Finding, notChecked } from "../result.ts";
import { quotedName } from "../x509/issued.ts";
import type { Certificate } from "../x509/x509.ts";
import type { DeviceAppraisal } from "./appraise-gpu.ts";
import type { UsedRim } from "./gpu-manifests.ts";
import { type IssuedCertificate, issuedCertificates } from "./issued-certificate.ts";
import { isSameCertId } from "./ocsp-response.ts";
import { createCertId } from "./ocsp-request.ts";
import { type DeviceOutcome, gatherOutcomes, type Outcome } from "./per-device.ts";
import { type OcspAnswers, parseOcspAnswers, verifyRevocation } from "./revocation.ts";

const ID = "gpu.revocation";

export interface RevocationRules {
  readonly nowMs: number;
  /** Insecure: a certificate on hold counts as good. */
  readonly allowHold: boolean;
}

/** Report signers are made by the devices themselves: NVIDIA's responder speaks of all above them. */
function deviceSubjects({ chain }: DeviceAppraisal): readonly IssuedCertificate[] {
  return issuedCertificates(chain.certificates.slice(1));
}

/** All certificates of a manifest; it may leave out the root. */
function manifestSubjects({ certificates, root }: Pick<UsedRim, "certificates" | "root">): readonly IssuedCertificate[] {
  const last = certificates.at(-1);
  return issuedCertificates(root && last && !equalBytes(last.der, root.der) ? [...certificates, root] : certificates);
}

/**
 * Judges whether NVIDIA has withdrawn a device or a manifest's signer, from OCSP answers that came along. Answers about
 * certificates that several share are verified once.
 * @param ders DER answers
 */
export async function appraiseRevocation(
  devices: readonly DeviceAppraisal[],
  manifests: readonly UsedRim[],
  ders: readonly Uint8Array[],
  rules: RevocationRules,
): Promise<Finding> {
  if (ders.length === 0) return notChecked(ID, "no OCSP answers came along, so nothing says whether NVIDIA has withdrawn a certificate");
  const answers = parseOcspAnswers(ders);
  const known = new Map<Certificate, Promise<Outcome>>();
  const judge = (subject: IssuedCertificate): Promise<Outcome> => {
    const outcome = known.get(subject.cert) ?? judgeSubject(subject, answers, rules);
    known.set(subject.cert, outcome);
    return outcome;
  };
  const outcomes = await Promise.all([
    ...devices.map(async (device): Promise<DeviceOutcome> => {
      const { status } = device.outcomes.chain;
      const outcome =
        status === "pass"
          ? worstOf(await Promise.all(deviceSubjects(device).map(judge)))
          : ({ status: "not-checked", reason: "nobody can speak for a chain that does not hold (gpu.cert-chain)" } as const);
      return { device: device.device, ...outcome };
    }),
    ...manifests.map(async (manifest): Promise<DeviceOutcome> => {
      const { kind, version } = manifest.rim;
      return { device: `the manifest for ${kind} ${version}`, ...worstOf(await Promise.all(manifestSubjects(manifest).map(judge))) };
    }),
  ]);
  return gatherOutcomes(ID, outcomes, "all devices and manifests");
}

async function judgeSubject({ cert, issuer }: IssuedCertificate, answers: OcspAnswers, rules: RevocationRules): Promise<Outcome> {
  const certId = await createCertId({ cert, issuer });
  const answered = answers.responses.some(({ responses }) => responses.some((single) => isSameCertId(single.certId, certId)));
  const [result] = await verifyRevocation([cert, issuer], answers, rules);
  const faults = result?.faults ?? [];
  if (faults.length > 0) return { status: answered ? "fail" : "not-checked", reason: faults.join("; ") };
  const hold = result?.status === "hold" ? `; ${quotedName(cert.commonName)} is on hold, which the policy allows` : "";
  return { status: "pass", reason: `NVIDIA has withdrawn none of its certificates${hold}` };
}

function worstOf(outcomes: readonly Outcome[]): Outcome {
  const byStatus = (wanted: Outcome["status"]) => outcomes.filter(({ status }) => status === wanted);
  const worst = [byStatus("fail"), byStatus("not-checked")].find((some) => some.length > 0);
  if (worst) return { status: worst[0]?.status ?? "fail", reason: worst.map(({ reason }) => reason).join("; ") };
  // What says more than the plain sentence is longer.
  const [longest] = outcomes.toSorted((a, b) => b.reason.length - a.reason.length);
  return longest ?? { status: "fail", reason: "it has no certificates" };
}
