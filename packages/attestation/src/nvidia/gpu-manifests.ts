import type { Finding } from "../result.ts";
import { type DeviceAppraisal, unproven } from "./appraise-gpu.ts";
import { compareMeasurements, type MeasurementComparison } from "./compare-measurements.ts";
import { readDecoderStatus } from "./opaque-data.ts";
import { gatherOutcomes, type Outcome } from "./per-device.ts";
import { type DeviceVersions, isAbout, rimIds } from "./rim-identifier.ts";
import type { RimResult, RimTrust } from "./rim.ts";
import type { Rim } from "./rim-measurements.ts";
import { nextTurn } from "./turn.ts";

/** A machine needs two, and a directory may hold those of many. */
const MAX_RIMS = 64;
const MAX_SHOWN_INDICES = 12;
const KINDS = ["driver", "vbios"] as const satisfies readonly Rim["kind"][];
const NAMES: Readonly<Record<Rim["kind"], string>> = { driver: "driver", vbios: "VBIOS" };

/** A manifest that speaks of one of the machine's devices. */
export type UsedRim = RimResult & { readonly rim: Rim };

export interface ManifestAppraisal {
  /** gpu.rim-driver, gpu.rim-vbios, gpu.measurements and gpu.debug-off. */
  readonly findings: readonly Finding[];
  /** Verified, each once. */
  readonly used: readonly UsedRim[];
}

type Found = { readonly outcome: Outcome; readonly rims: readonly UsedRim[] };

/**
 * Compares what GPUs measured with what NVIDIA's reference manifests hold. A manifest is verified once, however many GPUs
 * it is about; one that is about none of them is not looked at.
 * @param xmls texts as served
 */
export async function appraiseManifests(
  gpus: readonly DeviceAppraisal[],
  xmls: readonly string[],
  trust: RimTrust,
): Promise<ManifestAppraisal> {
  const verifying: Promise<RimResult>[] = [];
  for (const xml of [...new Set(xmls)].slice(0, MAX_RIMS)) {
    // Loaded when it is first needed: XML and its signatures are of no use without a manifest.
    const { verifyRim } = await import("./rim.ts");
    verifying.push(verifyRim(xml, trust));
    // Whoever serves manifests may serve 16 that take 30 ms each to read, and are of no use.
    await nextTurn();
  }
  const results = await Promise.all(verifying);
  const appraised = gpus.map((gpu) => {
    const found = { driver: findRims(results, "driver", gpu, trust), vbios: findRims(results, "vbios", gpu, trust) };
    const { outcome: measurements, rims } = judgeMeasurements(gpu, found.driver, found.vbios);
    return { gpu, found, measurements, debug: judgeDebug(gpu, measurements), rims };
  });
  const gather = (id: Finding["id"], outcomeOf: (of: (typeof appraised)[number]) => Outcome) =>
    gatherOutcomes(
      id,
      appraised.map((each) => ({ device: each.gpu.device, ...outcomeOf(each) })),
      `all ${gpus.length} GPUs`,
    );
  return {
    findings: [
      gather("gpu.rim-driver", ({ found }) => found.driver.outcome),
      gather("gpu.rim-vbios", ({ found }) => found.vbios.outcome),
      gather("gpu.measurements", ({ measurements }) => measurements),
      gather("gpu.debug-off", ({ debug }) => debug),
    ],
    used: [...new Set(appraised.flatMap(({ rims }) => rims))],
  };
}

function findRims(results: readonly RimResult[], kind: Rim["kind"], { doubt, versions }: DeviceAppraisal, { roots }: RimTrust): Found {
  const name = NAMES[kind];
  const version = versions?.[kind];
  if (doubt || !versions) return { outcome: unproven(`${name} version`, doubt ?? "gpu.cert-chain"), rims: [] };
  if (version === undefined) return notFound(`its report does not say which ${name} it runs`);
  const about = results.filter((result) => result.about && isAbout(result.about, kind, versions));
  // The very results, not copies: GPUs that share a manifest share what came of it.
  const rims = about.filter(isUsable);
  const whose = rims.some(({ root }) => root === roots[0]) ? "" : " (SIMULATED)";
  if (rims.length > 0) return { outcome: { status: "pass", reason: `the manifest for ${name} ${version} holds${whose}` }, rims };
  const [bad] = about;
  if (bad)
    return { outcome: { status: "fail", reason: `the manifest for ${name} ${version} does not hold: ${bad.faults.join("; ")}` }, rims };
  return notFound(missing(results, kind, versions));
}

function isUsable(result: RimResult): result is UsedRim {
  return result.rim !== undefined;
}

function notFound(reason: string): Found {
  return { outcome: { status: "not-checked", reason }, rims: [] };
}

function missing(results: readonly RimResult[], kind: Rim["kind"], versions: DeviceVersions): string {
  const unread = results.find(({ about }) => !about);
  const id = rimIds(versions)[kind];
  return [
    `no manifest for ${NAMES[kind]} ${versions[kind]} is at hand${id ? ` (${id})` : ""}`,
    ...(unread ? [`one at hand cannot be read: ${unread.faults[0]}`] : []),
  ].join("; ");
}

function judgeMeasurements(
  gpu: DeviceAppraisal,
  driver: Found,
  vbios: Found,
): { readonly outcome: Outcome; readonly rims: readonly UsedRim[] } {
  const { report, doubt } = gpu;
  if (!report || doubt) return { outcome: unproven("firmware", doubt ?? "gpu.present"), rims: [] };
  const device = { blocks: report.blocks, decoderStatus: readDecoderStatus(report.opaque) };
  // Manifests do not say which board they are for: of several for one version, the one that fits is meant.
  const pairs = choices(driver.rims).flatMap((one) => choices(vbios.rims).map((other) => [...one, ...other]));
  let best: { readonly rims: readonly UsedRim[]; readonly comparison: MeasurementComparison } | undefined;
  for (const rims of pairs) {
    const comparison = compareMeasurements(
      device,
      rims.map(({ rim }) => rim),
    );
    best = { rims, comparison };
    if (comparison.mismatches.length + comparison.conflicts.length === 0) break;
  }
  const lacking = KINDS.filter((kind) => (kind === "driver" ? driver : vbios).rims.length === 0);
  if (!best || best.rims.length === 0)
    return { outcome: { status: "not-checked", reason: "no manifest holds (gpu.rim-driver, gpu.rim-vbios)" }, rims: [] };
  return { outcome: judgeComparison(best.comparison, lacking), rims: best.rims };
}

/** Each by itself, or one choice of nothing. */
function choices<T>(list: readonly T[]): readonly (readonly T[])[] {
  return list.length > 0 ? list.map((item) => [item]) : [[]];
}

function judgeComparison({ mismatches, conflicts, compared, skipped }: MeasurementComparison, lacking: readonly Rim["kind"][]): Outcome {
  const faults = [
    ...(mismatches.length > 0
      ? [`${mismatches.length} of ${compared.length} differ from NVIDIA's manifests, at index ${indices(mismatches)}`]
      : []),
    ...(conflicts.length > 0 ? [`both manifests speak of index ${indices(conflicts.map((index) => ({ index })))}`] : []),
  ];
  if (faults.length > 0) return { status: "fail", reason: faults.join("; ") };
  const [kind] = lacking;
  if (kind)
    return {
      status: "not-checked",
      reason: `${compared.length} measurements match, but its ${NAMES[kind]}'s manifest is missing (gpu.rim-${kind})`,
    };
  const off = skipped.length > 0 ? `; not index ${skipped.join(", ")}, its decoder being off` : "";
  return { status: "pass", reason: `${compared.length} measurements match NVIDIA's manifests${off}` };
}

function indices(mismatches: readonly { readonly index: number }[]): string {
  const shown = mismatches.slice(0, MAX_SHOWN_INDICES).map(({ index }) => index);
  return `${shown.join(", ")}${mismatches.length > shown.length ? " and more" : ""}`;
}

/** Reports have no field for it. As for NVIDIA's own verifier, firmware that measures as released is firmware without debugging. */
function judgeDebug({ firmware, doubt }: DeviceAppraisal, measurements: Outcome): Outcome {
  if (doubt) return unproven("state", doubt);
  if (firmware?.debug) return { status: "fail", reason: "its certificate says that debugging is on" };
  if (measurements.status === "pass") return { status: "pass", reason: "its firmware measures as NVIDIA released it" };
  return { status: "not-checked", reason: "debugging shows in measurements that do not match (gpu.measurements)" };
}
