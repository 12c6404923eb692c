import { equalBytes } from "@bauta/protocol";
import type { CheckId } from "../result.ts";
import { orFault } from "../x509/issued.ts";
import { type Certificate, CertificateError } from "../x509/x509.ts";
import { type CertifiedFirmware, readCertifiedFirmware } from "./device-certificate.ts";
import type { CertificatePool } from "./certificate-path.ts";
import { type DeviceChain, verifyDeviceChain } from "./device-chain.ts";
import { type DeviceArch, type DeviceEvidence, GpuEvidenceError } from "./gpu-evidence.ts";
import { type MeasurementReport, parseMeasurementReport } from "./measurement-report.ts";
import type { GpuTrustRoots } from "./nvidia-roots.ts";
import { type GpuMode, readFwid, readMode } from "./opaque-data.ts";
import { verifyP384 } from "./p384.ts";
import { type Outcome, outcomeOf } from "./per-device.ts";
import { type Architecture, type DeviceVersions, readDeviceVersions } from "./rim-identifier.ts";

/** What all devices of a machine are judged by. */
export interface DeviceContext {
  /** What the client's request makes devices sign, 32 bytes. */
  readonly nonce: Uint8Array;
  readonly nowMs: number;
  readonly roots: GpuTrustRoots;
  readonly pool: CertificatePool;
}

/** What is known of one GPU or switch, before manifests, revocation and its neighbours. */
export interface DeviceAppraisal {
  /** "GPU 0": its position in the evidence. */
  readonly device: string;
  /** Why its report cannot be read; the outcomes are then about the chain alone. */
  readonly unreadable?: string | undefined;
  readonly report?: MeasurementReport | undefined;
  readonly chain: DeviceChain;
  readonly firmware?: CertifiedFirmware | undefined;
  readonly versions?: DeviceVersions | undefined;
  readonly mode?: GpuMode | undefined;
  /** The check without which nothing proves that this device said what its report says; none if all of them hold. */
  readonly doubt?: CheckId | undefined;
  readonly outcomes: Readonly<Record<"chain" | "signature" | "nonce" | "fwid", Outcome>>;
}

const LABELS: Readonly<Record<Architecture, DeviceArch>> = { hopper: "HOPPER", blackwell: "BLACKWELL", switch: "LS10" };
const NO_REPORT: Outcome = { status: "not-checked", reason: "its report cannot be read (gpu.present)" };

/** Appraises one device by itself: chain, signature, nonce and firmware identity. Bad evidence never throws. */
export async function appraiseDevice(device: string, evidence: DeviceEvidence, context: DeviceContext): Promise<DeviceAppraisal> {
  const chain = await verifyDeviceChain(evidence.certificateChain, context.roots, context.nowMs, context.pool);
  const chainOutcome = judgeChain(chain, evidence.arch);
  const read = orFault(GpuEvidenceError, () => {
    const report = parseMeasurementReport(evidence.report);
    return { report, fwid: readFwid(report.opaque) };
  });
  if (typeof read === "string") {
    const outcomes = { chain: chainOutcome, signature: NO_REPORT, nonce: NO_REPORT, fwid: NO_REPORT };
    return { device, unreadable: read, chain, doubt: "gpu.present", outcomes };
  }
  const { report, fwid } = read;
  const [leaf] = chain.certificates;
  const signature = await judgeSignature(report, leaf, chainOutcome);
  const doubt = (
    [
      ["gpu.cert-chain", chainOutcome],
      ["gpu.report-signature", signature],
    ] as const
  ).find(([, { status }]) => status !== "pass")?.[0];
  const firmware = leaf && orFault(CertificateError, () => readCertifiedFirmware(leaf));
  return {
    device,
    report,
    chain,
    doubt,
    firmware: typeof firmware === "string" ? undefined : firmware,
    versions: chain.names && readDeviceVersions(report.opaque, chain.names.architecture),
    mode: readMode(report.opaque),
    outcomes: {
      chain: chainOutcome,
      signature,
      nonce: judgeNonce(report.nonce, context.nonce, doubt),
      fwid: doubt ? unproven("firmware identity", doubt) : judgeFwid(fwid, firmware),
    },
  };
}

/** A device whose chain or signature does not hold has said nothing. */
export function unproven(what: string, doubt: CheckId): Outcome {
  return { status: "not-checked", reason: `nothing proves its ${what} (${doubt})` };
}

function judgeChain({ faults, names, simulated }: DeviceChain, arch: DeviceArch | undefined): Outcome {
  const label = names && LABELS[names.architecture];
  const mislabelled = label && arch && label !== arch ? [`its certificates are those of a ${label}, and the evidence says ${arch}`] : [];
  const stray = arch === undefined && names?.architecture === "switch" ? ["its certificates are those of a switch"] : [];
  const root = simulated ? "a root that you named (SIMULATED)" : "NVIDIA's Device Identity CA";
  return outcomeOf([...faults, ...mislabelled, ...stray], `the certificates lead to ${root}`);
}

async function judgeSignature(report: MeasurementReport, leaf: Certificate | undefined, chain: Outcome): Promise<Outcome> {
  if (!leaf) return { status: "not-checked", reason: "its chain holds no key (gpu.cert-chain)" };
  const holds = await verifyP384(leaf.publicKey, report.signature, report.signedBytes);
  if (!holds) return outcomeOf(["the report's signature is not by the key of its certificate"], "");
  if (chain.status !== "pass") return { status: "not-checked", reason: "nothing vouches for the key that signed (gpu.cert-chain)" };
  return { status: "pass", reason: "the report is signed by the device's key" };
}

function judgeNonce(signed: Uint8Array, own: Uint8Array, doubt: CheckId | undefined): Outcome {
  if (!equalBytes(signed, own)) return outcomeOf(["the report answers another nonce than the client's"], "");
  return doubt ? unproven("nonce", doubt) : { status: "pass", reason: "the report answers the client's nonce" };
}

function judgeFwid(fwid: Uint8Array | undefined, firmware: CertifiedFirmware | string | undefined): Outcome {
  if (!fwid) return { status: "not-checked", reason: "its report names no firmware identity, as old drivers' do not" };
  if (firmware === undefined || typeof firmware === "string") return outcomeOf([`the ${firmware ?? "certificate is missing"}`], "");
  const certified = firmware.fwids.some((known) => equalBytes(known, fwid));
  return outcomeOf(
    certified ? [] : ["the report names another firmware than its certificate does"],
    "the report names the firmware that its certificate does",
  );
}
