import { bindNonce, type CryptoBackend } from "@bauta/protocol";
import { type KeysAppraisal, verifyKeysStatement } from "./binding/keys-statement.ts";
import { type RequestNonce, verifyKeyBinding, verifyNonceBinding } from "./binding/report-data-binding.ts";
import type { SigningKey } from "./binding/signing-key.ts";
import { appraiseDstack, type DstackReading, type DstackResult, readDstack } from "./dstack/appraise-dstack.ts";
import { keyProviderText, parseKeyProvider } from "./dstack/key-provider.ts";
import type { Evidence } from "./evidence/evidence.ts";
import type { GpuAppraisal } from "./nvidia/appraise-gpus.ts";
import type { GpuEndorsements } from "./nvidia/gpu-endorsements.ts";
import type { GpuTrustRoots } from "./nvidia/nvidia-roots.ts";
import { type BuildContents, nearestBuild, readMeasurements, REGISTERS, verifyMeasurements } from "./policy/measurements.ts";
import type { Build, Policy } from "./policy/policy.ts";
import { type AttestationScope, CHECK_IDS, type CheckId, failed, type Finding, notChecked } from "./result.ts";
import type { Platform } from "./tdx/platform.ts";
import type { Quote } from "./tdx/quote.ts";

/** What was found in a quote whose origin is proven. */
export interface ContentAppraisal extends Partial<Omit<DstackResult, "findings">> {
  readonly findings: readonly Finding[];
  /** The build that all measurements were compared with. */
  readonly build?: Build | undefined;
  readonly keys?: KeysAppraisal;
  readonly gpus?: GpuAppraisal;
}

/** What the contents are held against. */
export interface ContentContext {
  readonly evidence: Evidence;
  readonly policy: Policy;
  readonly nonce?: RequestNonce | undefined;
  readonly model?: string | undefined;
  readonly nowMs: number;
  readonly scope: AttestationScope;
  readonly backend?: CryptoBackend | undefined;
  readonly signing: SigningKey;
  /** What came of the quote, and of the compose manager's own. */
  readonly platform: Platform;
  readonly manager?: Platform | undefined;
  readonly gpuEndorsements?: GpuEndorsements | undefined;
  readonly gpuRoots: GpuTrustRoots;
}

const BINDING_IDS = ["nonce.bound", "key.bound-to-report-data", "key.exclusive", "keys.signed", "weights.named"] as const;
const DSTACK_IDS = [
  "eventlog.replay",
  "dstack.compose-hash",
  "dstack.runtime-compose",
  "dstack.os-image",
  "dstack.key-provider",
  "image.digests-pinned",
] as const;
const MEASURE_IDS = REGISTERS.map((register) => `measure.${register}` as const);
const GPU_IDS: readonly CheckId[] = CHECK_IDS.filter((id) => id.startsWith("gpu."));
const ALONE = "not checked: the quote is judged without the answer that it came in";

/** Appraises what a proven quote says: nonce, key, measurements, what dstack booted, and which GPUs are the enclave's. */
export async function appraiseContents(quote: Quote, context: ContentContext): Promise<ContentAppraisal> {
  const { report } = quote;
  const { evidence, policy, nonce, nowMs, signing, scope, platform, manager } = context;
  const measured = readMeasurements(report);
  if (scope === "platform" || !nonce) {
    const build = nearestBuild(measured, undefined, { ...policy, builds: policy.builds.map(registersOnly) }, nowMs);
    return {
      build,
      findings: [
        ...verifyMeasurements(measured, build, policy, nowMs),
        ...skip([...BINDING_IDS, "key.address-derived", ...DSTACK_IDS, ...GPU_IDS], ALONE),
      ],
    };
  }
  const reading = await readDstack(report, evidence);
  const build = nearestBuild(measured, reading.composeHash.measured, policy, nowMs, buildContents(reading));
  const keyBinding = verifyKeyBinding(report, signing, nonce.tls);
  const keys = verifyKeysStatement({ ...context, nonce, keyBinding, protocol: policy.protocol });
  const [dstack, gpus] = await Promise.all([
    appraiseDstack({
      report,
      evidence,
      build,
      nonce,
      reading,
      manager: manager && { doubt: doubtOf(manager, platform), report: manager.quote?.report },
    }),
    appraiseEnclaveGpus(context, nonce, keys),
  ]);
  return {
    ...dstack,
    build,
    keys,
    ...("claims" in gpus && { gpus }),
    findings: [
      verifyNonceBinding(report, nonce, evidence.nonce),
      signing.finding,
      keyBinding,
      ...keys.findings,
      ...verifyMeasurements(measured, build, policy, nowMs),
      ...dstack.findings,
      ...gpus.findings,
    ],
  };
}

/** GPUs sign the nonce that the client's request implies; the enclave names their evidence in its keys statement. */
async function appraiseEnclaveGpus(
  { evidence, gpuEndorsements, gpuRoots: roots, nowMs, policy }: ContentContext,
  nonce: RequestNonce,
  { statement }: KeysAppraisal,
): Promise<GpuAppraisal | { readonly findings: readonly Finding[] }> {
  const bound = bindNonce(nonce.query, nonce.sealed);
  if (!bound) return { findings: skip(GPU_IDS, "not checked: the request's own nonce is not one that a model takes (nonce.bound)") };
  // Loaded when it is first needed: nothing of it is of use before there is evidence.
  const { appraiseGpus } = await import("./nvidia/appraise-gpus.ts");
  const namedSha256 = statement?.gpu_evidence_sha256;
  const { nvidiaPayload: payload } = evidence;
  return appraiseGpus({ payload, nonce: bound.bytes, namedSha256, endorsements: gpuEndorsements, rules: policy.gpu, nowMs, roots });
}

/** Lists the checks that a quote of unproven origin leaves without meaning. @param doubt the check that did not pass */
export function skipContents(doubt: CheckId, scope: AttestationScope, signing: SigningKey): ContentAppraisal {
  const reason = `not checked: nothing proves that an enclave said this, since ${doubt} did not pass`;
  const own = scope === "platform" ? notChecked("key.address-derived", ALONE) : signing.finding;
  return { findings: [own, ...skip([...BINDING_IDS, ...MEASURE_IDS, ...DSTACK_IDS, ...GPU_IDS], reason)] };
}

function skip(ids: readonly CheckId[], reason: string): Finding[] {
  return ids.map((id) => notChecked(id, reason));
}

/** What a compose manager's quote does not pass though the answer's own quote does: it has to be as good. */
function doubtOf(manager: Platform, { findings, simulated }: Platform): Finding | undefined {
  if (manager.doubt) return manager.doubt;
  if (manager.simulated !== simulated) return failed("tdx.pck-chain", "its root is of another kind than that of the answer's own quote");
  const passedBy = new Set(findings.flatMap(({ id, status }) => (status === "pass" ? [id] : [])));
  const worse = manager.findings.filter(({ id, status }) => status !== "pass" && passedBy.has(id));
  return worse.find(({ status }) => status === "fail") ?? worse[0];
}

/** A quote alone shows registers; what a compose document says is not part of it. */
function registersOnly({
  compose_hash: _compose,
  images: _images,
  os_image_hash: _image,
  key_provider: _provider,
  ...build
}: Build): Build {
  return build;
}

function buildContents({ compose, boot }: DstackReading): BuildContents {
  const provider = boot?.keyProvider && parseKeyProvider(boot.keyProvider);
  return {
    imageDigests: typeof compose === "string" ? undefined : compose.services.flatMap(({ digest }) => digest ?? []),
    osImageHash: boot?.osImageHash,
    keyProvider: provider && keyProviderText(provider),
  };
}
