import { failed, type Finding, notChecked } from "../result.ts";
import type { DeviceAppraisal } from "./appraise-gpu.ts";
import { findTwins } from "./device-twins.ts";
import { readGpuPdis, readOwnPdi, readSwitchPdis } from "./opaque-data.ts";
import { gatherOutcomes, type Outcome } from "./per-device.ts";

const ID = "gpu.switches";
/** A boot ROM's certificate numbers its device: one byte for the kind, then the permanent identifier. */
const DEVICE_SERIAL = /^[0-9a-f]{2}([0-9a-f]{16})$/;

/**
 * Judges the switches between a machine's GPUs, where their evidence is served: each by itself as a GPU is, then that they
 * are the ones that the GPUs are joined to, and that they join these GPUs and no others. In PPCIE mode what GPUs send each
 * other passes through them in the clear.
 */
export function appraiseSwitches(switches: readonly DeviceAppraisal[], gpus: readonly DeviceAppraisal[]): Finding {
  if (switches.length === 0) return notChecked(ID, describeAbsence(gpus));
  const twins = findTwins(switches);
  if (twins.length > 0) return failed(ID, twins.join("; "));
  const alone = gatherOutcomes(
    ID,
    switches.map((each) => ({ device: each.device, ...judgeAlone(each) })),
    `all ${switches.length} switches`,
  );
  if (alone.status !== "pass") return alone;
  const doubt = gpus.length === 0 ? "gpu.present" : gpus.find((gpu) => gpu.doubt)?.doubt;
  if (doubt) return notChecked(ID, `the switches hold by themselves, but not all GPUs that they should join do (${doubt})`);
  const faults = topologyFaults(switches, gpus);
  return faults.length > 0 ? failed(ID, faults.join("; ")) : alone;
}

function describeAbsence(gpus: readonly DeviceAppraisal[]): string {
  const modes = new Set(gpus.map(({ mode }) => mode));
  if (modes.has("PPCIE"))
    return "no evidence of switches was served: in PPCIE mode what GPUs send each other passes through switches in the clear, and nothing shows whose they are";
  if (gpus.length > 0 && !modes.has(undefined))
    return "no evidence of switches was served; in this mode GPUs send nothing through them in the clear";
  return "no evidence of switches was served, and nothing shows whether the GPUs use any";
}

function judgeAlone({ unreadable, outcomes, report, chain }: DeviceAppraisal): Outcome {
  if (unreadable) return { status: "fail", reason: unreadable };
  const { chain: certificates, signature, nonce, fwid } = outcomes;
  const own = report && readOwnPdi(report.opaque);
  const faults = [
    ...[certificates, signature, nonce, fwid].filter(({ status }) => status === "fail").map(({ reason }) => reason),
    ...(signature.status === "pass" && (own === undefined || own !== certifiedPdi(chain.certificates[1]))
      ? ["it names itself otherwise than its certificate does"]
      : []),
  ];
  if (faults.length > 0) return { status: "fail", reason: faults.join("; ") };
  return {
    status: "pass",
    reason:
      "a genuine switch answered the client's nonce, and it joins the GPUs of this evidence; its measurements are not compared with NVIDIA's manifests",
  };
}

function topologyFaults(switches: readonly DeviceAppraisal[], gpus: readonly DeviceAppraisal[]): string[] {
  const served = new Set(switches.map(({ chain }) => certifiedPdi(chain.certificates[1])));
  const known = new Set(gpus.map(({ chain }) => certifiedPdi(chain.certificates[1])));
  return [
    ...gpus
      .filter(({ report }) => report && !isSame(readSwitchPdis(report.opaque), served))
      .map(({ device }) => `${device} is joined to other switches than those whose evidence was served`),
    ...switches
      .filter(({ report }) => report && !isSame(readGpuPdis(report.opaque), known))
      .map(({ device }) => `${device} joins other GPUs than those whose evidence was served`),
  ];
}

function certifiedPdi(certificate: { readonly serial: string } | undefined): string | undefined {
  return DEVICE_SERIAL.exec(certificate?.serial ?? "")?.[1];
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string | undefined>): boolean {
  return a.size === b.size && [...a].every((value) => b.has(value));
}
