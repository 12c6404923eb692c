import { equalBytes, parseHex, toHex, utf8 } from "@bauta/protocol";
import { sha256 } from "../x509/ecdsa.ts";
import type { DstackInfo } from "../evidence/evidence.ts";
import type { Build } from "../policy/policy.ts";
import type { TdReport } from "../tdx/quote.ts";
import { failed, type Finding, notChecked, passed } from "../result.ts";

const ID = "dstack.compose-hash";
const HASH_BYTES = 32;
const KIND_COMPOSE_HASH = 1;

/** What a quote and the served document say about the compose document. Hashes as lower-case hex. */
export interface ComposeHash extends MeasuredCompose {
  /** SHA-256 of the served document. */
  readonly served?: string;
}

/** What MRCONFIGID says about the compose document, and whether anything contradicts it. */
export interface MeasuredCompose {
  /** The hash that MRCONFIGID commits to, where it commits to a compose hash. */
  readonly measured?: string;
  /** Why MRCONFIGID cannot be right, or what contradicts what. */
  readonly fault?: string;
  /** Why MRCONFIGID says nothing that can be compared. */
  readonly unchecked?: string;
}

/**
 * Reads MRCONFIGID alone, `01 ‖ compose hash(32) ‖ zeros(15)`: nothing that was served has a say in it.
 * @see dstack attestation guide, "mr_config_id"
 */
export function readMeasuredCompose({ mrConfigId }: TdReport): MeasuredCompose {
  if (mrConfigId.every((byte) => byte === 0)) return { unchecked: "MRCONFIGID is zero: the quote commits to no compose document" };
  const [kind] = mrConfigId;
  if (kind === 2 || kind === 3)
    return { unchecked: `MRCONFIGID is of kind ${kind}, which commits to more than the compose hash and is not read by this version` };
  if (kind !== KIND_COMPOSE_HASH) return { fault: `MRCONFIGID is of unknown kind ${kind}` };
  if (mrConfigId.subarray(1 + HASH_BYTES).some((byte) => byte !== 0)) return { fault: "MRCONFIGID does not end in zeros" };
  return { measured: toHex(mrConfigId.subarray(1, 1 + HASH_BYTES)) };
}

/** Reads MRCONFIGID, hashes the served compose document, and holds the two and the stated hash against each other. */
export async function readComposeHash(report: TdReport, info: DstackInfo | undefined): Promise<ComposeHash> {
  const compose = readMeasuredCompose(report);
  const served = info?.app_compose === undefined ? undefined : toHex(await sha256(utf8(info.app_compose)));
  const fault = compose.fault ?? contradiction(compose.measured, served, info?.compose_hash?.toLowerCase());
  return { ...compose, ...(served !== undefined && { served }), ...(fault !== undefined && { fault }) };
}

function contradiction(measured: string | undefined, served: string | undefined, stated: string | undefined): string | undefined {
  if (served !== undefined && stated !== undefined && stated !== served)
    return `app_compose hashes to ${served}, and the answer's compose_hash is ${shown(stated)}`;
  const other = served ?? stated;
  if (measured === undefined || other === undefined || other === measured) return undefined;
  const what = served === undefined ? "the answer's compose_hash is" : "the served app_compose hashes to";
  return `MRCONFIGID commits to compose hash ${measured}, and ${what} ${shown(other)}`;
}

/**
 * Compares the measured compose hash with a build's.
 * @param build the build that the registers are compared with; undefined when the policy names none
 */
export function verifyComposeHash(compose: ComposeHash, build: Build | undefined): Finding {
  if (compose.fault !== undefined) return failed(ID, compose.fault);
  if (compose.measured === undefined) return notChecked(ID, compose.unchecked ?? "MRCONFIGID commits to nothing known");
  if (!build) {
    return compose.served === undefined
      ? notChecked(
          ID,
          `MRCONFIGID commits to compose hash ${compose.measured}, but neither a document nor a build is there to compare it with`,
        )
      : passed(ID, `the served app_compose hashes to ${compose.measured}, as MRCONFIGID says; no build of the policy is compared with it`);
  }
  const expected = parseHex(build.compose_hash ?? "", HASH_BYTES) ?? new Uint8Array();
  const actual = parseHex(compose.measured, HASH_BYTES) ?? new Uint8Array();
  const detail = { expected: build.compose_hash ?? "", actual: compose.measured, build: build.name };
  return equalBytes(expected, actual)
    ? passed(ID, `MRCONFIGID commits to the compose document of build "${build.name}"`, detail)
    : failed(ID, `MRCONFIGID commits to another compose document than that of build "${build.name}"`, detail);
}

function shown(hash: string): string {
  return /^[0-9a-f]{64}$/.test(hash) ? hash : "not a SHA-256 in hex";
}
