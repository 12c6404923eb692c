import { type Issuer, toPem, USAGE } from "../certificates.ts";
import type { GpuCertificateRole } from "../faults/gpu-certificate-faults.ts";
import type { GpuFaults } from "../faults/gpu-faults.ts";
import { evidenceChanges } from "../faults/gpu-evidence-faults.ts";
import { createKeyPair, type SecretSource, type SigningKeyPair } from "../keys.ts";
import { hexBytes } from "../quote-layout.ts";
import { deviceInfo, diceExtension } from "./dice.ts";
import { type GpuCertificateRequest, issueGpuCertificate } from "./gpu-certificate.ts";
import type { GpuModel } from "./gpu-model.ts";
import { FWID_BYTES, firmwareId } from "./reference-values.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
/** The last moment that X.509 can name: devices keep their certificates for good. @see RFC 5280 §4.1.2.5 */
const FOR_GOOD_MS = Date.UTC(9999, 11, 31, 23, 59, 59);
/** First byte of a key usage: signs data alone, or certificates alone. */
const SIGNS_DATA = 0x80;
const SIGNS_CERTIFICATES = 0x04;

/** The simulator's stand-ins for NVIDIA's certificates. */
export interface GpuPki {
  /** @param device counts GPUs from 0; other roles than a device's are the same for all */
  certificate(role: GpuCertificateRole, device?: number): Issuer;
  /** Who issued it; undefined for a root. */
  issuerOf(role: GpuCertificateRole, device?: number): Issuer | undefined;
  pem(roles: readonly GpuCertificateRole[], device?: number): string;
  /** The root that a verifier is told, whatever a chain ends in. */
  trustedRoot(role: "device-root" | "rim-root" | "nras-root"): Issuer;
}

interface Role extends Partial<Pick<GpuCertificateRequest, "usage" | "pathLength" | "extensions">> {
  readonly commonName: string;
  readonly issuer?: GpuCertificateRole;
  readonly ca: boolean;
  /** Left out: for good. */
  readonly years?: number;
}

/** Makes certificates as they are asked for, valid around `nowMs` unless a fault says otherwise. */
export function createGpuPki(secrets: SecretSource, model: GpuModel, nowMs: number, faults: GpuFaults): GpuPki {
  const issued = new Map<string, Issuer>();

  function certificate(role: GpuCertificateRole, device = 0): Issuer {
    const id = labelOf(role, device);
    const known = issued.get(id);
    if (known) return known;
    const made = issueGpuCertificate(requestOf(role, device));
    issued.set(id, made);
    return made;
  }

  function issuerOf(role: GpuCertificateRole, device = 0): Issuer | undefined {
    const issuer = faults.gpuCertificates?.[role]?.issuer ?? ROLES[role](model).issuer;
    return issuer && certificate(issuer, device);
  }

  function keyOf(role: GpuCertificateRole, device: number): SigningKeyPair {
    const foreign = faults.foreignGpuRoots?.some((root) => root === role) ?? false;
    const shared = faults.sharedGpuKeys?.some((kind) => kind === role) ?? false;
    return createKeyPair(secrets, `${foreign ? "foreign " : ""}${labelOf(role, shared ? 0 : device)}`, "P-384");
  }

  function requestOf(role: GpuCertificateRole, device: number): GpuCertificateRequest {
    const { years, issuer: usualIssuer, ...usual } = ROLES[role](model);
    const { issuer: issuerRole = usualIssuer, foreignSigner, extensions, signature, ...changes } = faults.gpuCertificates?.[role] ?? {};
    const issuer = issuerRole && certificate(issuerRole, device);
    const key = keyOf(role, device);
    return {
      usage: SIGNS_DATA,
      pathLength: null,
      revocable: issuerRole !== undefined && !role.startsWith("nras") && role !== "device-report",
      notBeforeMs: nowMs - YEAR_MS,
      notAfterMs: years === undefined ? FOR_GOOD_MS : nowMs + years * YEAR_MS,
      extensions: role === "device-report" ? deviceExtensions(device) : [],
      serial: role.startsWith("device") ? secrets(`serial/${labelOf(role, device)}`, 20).fill(0x53, 0, 1) : undefined,
      ...usual,
      ...changes,
      key,
      ...(issuer && { issuer: foreignSigner ? { ...issuer, key: createKeyPair(secrets, "nobody's GPU key", "P-384") } : issuer }),
      rewriteExtensions: extensions,
      rewriteSignature: signature,
    };
  }

  function deviceExtensions(device: number): Buffer[] {
    const { certifiedFwid, certifiedDebug = false } = evidenceChanges(faults, device);
    const fwid = certifiedFwid === undefined ? firmwareId(model) : hexBytes(certifiedFwid, FWID_BYTES);
    const board = secrets(`board/${device}`, 8).toString("hex").toUpperCase();
    return [deviceInfo(model, board), diceExtension(model, certificate("device", device).key, fwid, certifiedDebug)];
  }

  return {
    certificate,
    issuerOf,
    pem: (roles, device) => toPem(...roles.map((role) => certificate(role, device).der)),
    trustedRoot(role) {
      if (!faults.foreignGpuRoots?.includes(role)) return certificate(role);
      return createGpuPki(secrets, model, nowMs, { ...faults, foreignGpuRoots: [] }).certificate(role);
    },
  };
}

function labelOf(role: GpuCertificateRole, device: number): string {
  return role === "device" || role === "device-report" ? `GPU ${role} ${device}` : `GPU ${role}`;
}

/** As NVIDIA names them; the organisation in each name says whose they are. */
const ROLES: Readonly<Record<GpuCertificateRole, (model: GpuModel) => Role>> = {
  "device-root": () => ({ commonName: "NVIDIA Device Identity CA", ca: true, usage: USAGE.signCertificates }),
  "device-family": ({ chip }) => ({
    commonName: `NVIDIA ${chip} Identity`,
    ca: true,
    usage: USAGE.signCertificates,
    issuer: "device-root",
  }),
  "device-provisioner": ({ chip }) => ({
    commonName: `NVIDIA ${chip} Provisioner ICA 1`,
    ca: true,
    usage: USAGE.signCertificates,
    issuer: "device-family",
  }),
  device: ({ chip, stepping }) => ({
    commonName: `${chip} ${stepping} GSP BROM`,
    ca: true,
    usage: SIGNS_CERTIFICATES,
    issuer: "device-provisioner",
  }),
  "device-report": ({ chip, stepping }) => ({ commonName: `${chip} ${stepping} GSP FMC LF`, ca: false, issuer: "device" }),
  "rim-root": () => ({ commonName: "NVIDIA CoRIM signing Root CA", ca: true, usage: USAGE.signCertificates, years: 30 }),
  "rim-ca": ({ chip }) => ({
    commonName: `NVIDIA Reference Value ${chip} CA`,
    ca: true,
    usage: USAGE.signCertificates,
    issuer: "rim-root",
    years: 10,
  }),
  "rim-issuer": ({ chip }) => ({
    commonName: `NVIDIA Reference Value L3 ${chip} 001`,
    ca: true,
    pathLength: 0,
    usage: USAGE.signCertificates,
    issuer: "rim-ca",
    years: 4,
  }),
  "rim-signer": () => ({ commonName: "HCC RIM L4 Signer", ca: false, issuer: "rim-issuer", years: 2 }),
  "nras-root": () => ({ commonName: "NVIDIA Attestation Service CA 001", ca: true, usage: USAGE.signCertificates, years: 8 }),
  "nras-issuer": () => ({
    commonName: "NVIDIA Attestation Service GPU Intermediate 001",
    ca: true,
    usage: USAGE.signCertificates,
    issuer: "nras-root",
    years: 4,
  }),
  "nras-signer": ({ chip }) => ({
    commonName: `NVIDIA Attestation Service GPU ${chip}`,
    ca: false,
    issuer: "nras-issuer",
    years: 1,
  }),
};
