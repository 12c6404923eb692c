import type { AttestationResult, Claims } from "../result.ts";
import { isKeyProvider, nearestBuild, REGISTERS } from "./measurements.ts";
import { type Build, isExpired, type Policy } from "./policy.ts";

/** One value in which an enclave and a policy differ, as texts for people. */
export interface ValueDifference {
  /** The member's name in the policy file: `mrtd`, `compose_hash`, `tcb.accept`, `gpu.count`, `protocol`. */
  readonly name: string;
  readonly expected: string;
  /** Absent when the enclave proved no such value. */
  readonly actual?: string;
}

/** How an enclave differs from what a policy accepts. */
export interface PolicyDifference {
  /** The nearest build; absent when the policy names none. */
  readonly build?: Build;
  /** Empty only if nothing differs. A policy without builds differs in `builds`. */
  readonly values: readonly ValueDifference[];
}

/**
 * Compares an enclave with the nearest build of a policy: what a refused build changed.
 * @param claims of an appraisal: proven values only
 * @param nowMs milliseconds since 1970; an expired build differs in `expires`
 */
export function diffBuild(claims: Claims, policy: Policy, nowMs: number): PolicyDifference {
  if (policy.measurements === "any") return { values: [] };
  const build = nearestBuild(claims, claims.compose_hash, policy, nowMs, {
    imageDigests: readImageDigests(claims.images)?.filter((digest) => digest !== undefined),
    osImageHash: claims.os_image_hash,
    keyProvider: claims.key_provider,
  });
  if (!build) return { values: [{ name: "builds", expected: "a build", actual: "the policy names none, so any TDX machine would pass" }] };
  const members = [...REGISTERS, "compose_hash", "os_image_hash", "key_provider"] as const;
  const values = members.flatMap((name) => {
    const same = name === "key_provider" ? isKeyProvider : isEqual;
    return compare(name, build[name], claims[name], same);
  });
  return { build, values: [...values, ...compareImages(build, claims), ...compareExpiry(build, nowMs)] };
}

/** Compares an enclave with a whole policy: {@link diffBuild}, and the rules for platform, GPUs and protocol. */
export function diffPolicy(policy: Policy, { claims }: Pick<AttestationResult, "claims">, nowMs: number): PolicyDifference {
  const { build, values } = diffBuild(claims, policy, nowMs);
  return {
    ...(build && { build }),
    values: [...values, ...compareTcb(policy, claims), ...compareGpus(policy, claims), ...compareProtocol(policy, claims)],
  };
}

/** True for a statement of the enclave that it opens requests that are sealed whole, and with which key to seal them. */
export function speaksSealedBodies({ versions, hpke_key_config: keyConfig }: Claims): boolean {
  return keyConfig !== undefined && versions?.includes("2") === true;
}

function compareTcb({ tcb }: Policy, claims: Claims): ValueDifference[] {
  const differences: ValueDifference[] = [];
  const { tcb_status: status, tcb_evaluation_number: number, advisories = [] } = claims;
  if (status === undefined || !tcb.accept.includes(status)) {
    differences.push({ name: "tcb.accept", expected: tcb.accept.join(", "), ...(status !== undefined && { actual: status }) });
  }
  const least = tcb.min_evaluation_number;
  if (least !== undefined && !(number !== undefined && number >= least)) {
    differences.push({
      name: "tcb.min_evaluation_number",
      expected: `${least} or more`,
      ...(number !== undefined && { actual: String(number) }),
    });
  }
  const refused = advisories.filter((advisory) => tcb.refuse_advisories.includes(advisory));
  if (refused.length > 0) differences.push({ name: "tcb.refuse_advisories", expected: "none of them", actual: refused.join(", ") });
  return differences;
}

/** GPUs that are not proven differ from any rule about them. */
function compareGpus({ gpu }: Policy, { gpus }: Claims): ValueDifference[] {
  const { count, archs } = gpu;
  const differences: ValueDifference[] = [];
  if (count !== undefined && gpus?.length !== count) {
    differences.push({ name: "gpu.count", expected: String(count), ...(gpus && { actual: String(gpus.length) }) });
  }
  if (archs && !gpus?.every(({ arch }) => archs.includes(arch))) {
    const actual = gpus && [...new Set(gpus.map(({ arch }) => arch))].join(", ");
    differences.push({ name: "gpu.archs", expected: archs.join(", "), ...(actual !== undefined && { actual }) });
  }
  return differences;
}

function compareProtocol({ protocol }: Policy, claims: Claims): ValueDifference[] {
  if (protocol !== 2 || speaksSealedBodies(claims)) return [];
  const { versions } = claims;
  const actual = versions && `${versions.join(", ")}${versions.includes("2") ? " without an hpke_key_config" : ""}`;
  return [{ name: "protocol", expected: "2", ...(actual !== undefined && { actual }) }];
}

function compare(
  name: string,
  expected: string | undefined,
  actual: string | undefined,
  same: (actual: string, expected: string) => boolean,
): ValueDifference[] {
  if (expected === undefined || (actual !== undefined && same(actual, expected))) return [];
  return [{ name, expected, ...(actual !== undefined && { actual }) }];
}

function isEqual(actual: string, expected: string): boolean {
  return actual === expected;
}

function compareImages({ images }: Build, claims: Claims): ValueDifference[] {
  if (!images) return [];
  const digests = readImageDigests(claims.images);
  const others = claims.images?.filter((_, index) => !images.includes(digests?.[index] ?? ""));
  if (others?.length === 0) return [];
  return [{ name: "images", expected: images.join(", "), ...(others && { actual: others.join(", ") }) }];
}

function compareExpiry(build: Build, nowMs: number): ValueDifference[] {
  if (build.expires === undefined || !isExpired(build, nowMs)) return [];
  return [{ name: "expires", expected: `before ${build.expires}`, actual: new Date(nowMs).toISOString() }];
}

/** The digest of each image reference, undefined for one that is not pinned by its digest. */
function readImageDigests(images: readonly string[] | undefined): (string | undefined)[] | undefined {
  return images?.map((image) => /(?:^|@)sha256:([0-9a-f]{64})$/.exec(image)?.[1]);
}
