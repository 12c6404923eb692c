import type { Issuer } from "../certificates.ts";
import type { GpuCertificateRole } from "../faults/gpu-certificate-faults.ts";
import type { SecretSource } from "../keys.ts";
import type { SimulatedDevices } from "./gpu-evidence.ts";
import { answerOcsp, certIdMembers, type OcspQuestion, refuseOcsp } from "./ocsp-answer.ts";
import { type OcspRequest, parseOcspRequest } from "./ocsp-request.ts";

const MALFORMED_REQUEST = 1;
const UNAUTHORIZED = 6;

/** What stands behind an OCSP address, without the address. */
export interface OcspResponder {
  /** One answer for each certificate that can be withdrawn: those of devices and of RIMs, without roots and report keys. */
  answers(nonce: Uint8Array | undefined): Buffer[];
  /** Answers a request, DER for DER; refuses what it does not understand or is not about a certificate of the simulator. */
  answer(request: Uint8Array): Buffer;
}

/** NVIDIA answers for a device, not for the key that its firmware made: who issues that is the device itself. */
const SHARED: readonly GpuCertificateRole[] = ["device-provisioner", "device-family", "rim-signer", "rim-issuer", "rim-ca"];

interface Subject {
  readonly role: GpuCertificateRole;
  readonly certificate: Issuer;
  readonly issuer: Issuer;
}

export function createOcspResponder(devices: SimulatedDevices, secrets: SecretSource, now: () => number): OcspResponder {
  const { pki, faults } = devices;
  const subjectOf = (role: GpuCertificateRole, device?: number): Subject[] => {
    const issuer = pki.issuerOf(role, device);
    return issuer ? [{ role, certificate: pki.certificate(role, device), issuer }] : [];
  };
  const subjects = [
    ...Array.from({ length: devices.count }, (_, device) => subjectOf("device", device)).flat(),
    ...SHARED.flatMap((role) => subjectOf(role)),
  ];

  function answerAbout({ role, certificate, issuer }: Subject, asked: Pick<OcspQuestion, "nonce" | "certId">): Buffer | undefined {
    const changes = faults.ocsp?.[role] ?? {};
    const { responder = "delegate", missing } = changes;
    if (missing) return undefined;
    const named = responder === "delegate" || responder === "issuer" || responder === "stranger" ? undefined : pki.certificate(responder);
    return answerOcsp({ ...asked, certificate, issuer, responderIssuer: named, nowMs: now(), secrets }, changes);
  }

  return {
    answers: (nonce) => subjects.flatMap((subject) => answerAbout(subject, { nonce }) ?? []),
    answer(der) {
      let request: OcspRequest;
      try {
        request = parseOcspRequest(der);
      } catch (error) {
        if (error instanceof RangeError) return refuseOcsp(MALFORMED_REQUEST);
        throw error;
      }
      const about = subjects.find(({ certificate, issuer }) => certIdMembers(issuer, certificate.serial).equals(request.certIdMembers));
      return (about && answerAbout(about, request)) ?? refuseOcsp(UNAUTHORIZED);
    },
  };
}
