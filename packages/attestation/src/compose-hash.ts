import { equalBytes, parseHex, toHex, utf8 } from "@bauta/protocol";
import { sha256 } from "./ecdsa.ts";
import type { DstackInfo } from "./evidence.ts";
import type { Build } from "./policy.ts";
import type { TdReport } from "./quote.ts";
import { failed, type Finding, notChecked, passed } from "./result.ts";

const ID = "dstack.compose-hash";
const HASH_BYTES = 32;
const KIND_COMPOSE_HASH = 1;

/** What a quote and the served document say about the compose document. Hashes as lower-case hex. */
export interface ComposeHash {
  /** The hash that MRCONFIGID commits to, where it commits to a compose hash. */
  readonly measured?: string;
  /** SHA-256 of the served document. */
  readonly served?: string;
  /** Why document, statements and MRCONFIGID contradict each other. */
  readonly fault?: string;
  /** Why MRCONFIGID says nothing that can be compared. */
  readonly unchecked?: string;
}

/**
 * Reads MRCONFIGID, `01 ‖ compose hash(32) ‖ zeros(15)`, and hashes the served compose document.
 * @see dstack attestation guide, "mr_config_id"
 */
export async function readComposeHash(report: TdReport, info: DstackInfo | undefined): Promise<ComposeHash> {
  const served = info?.app_compose === undefined ? undefined : toHex(await sha256(utf8(info.app_compose)));
  const stated = info?.compose_hash?.toLowerCase();
  const config = report.mrConfigId;
  const base = { ...(served !== undefined && { served }) };
  if (served !== undefined && stated !== undefined && stated !== served) {
    return { ...base, fault: `app_compose hashes to ${served}, and the answer's compose_hash is ${shown(stated)}` };
  }
  if (config.every((byte) => byte === 0)) return { ...base, unchecked: "MRCONFIGID is zero: the quote commits to no compose document" };
  const [kind] = config;
  if (kind === 2 || kind === 3) {
    return {
      ...base,
      unchecked: `MRCONFIGID is of kind ${kind}, which commits to more than the compose hash and is not read by this version`,
    };
  }
  if (kind !== KIND_COMPOSE_HASH) return { ...base, fault: `MRCONFIGID is of unknown kind ${kind}` };
  if (config.subarray(1 + HASH_BYTES).some((byte) => byte !== 0)) return { ...base, fault: "MRCONFIGID does not end in zeros" };
  const measured = toHex(config.subarray(1, 1 + HASH_BYTES));
  const other = served ?? stated;
  if (other !== undefined && other !== measured) {
    const what = served === undefined ? "the answer's compose_hash is" : "the served app_compose hashes to";
    return { ...base, measured, fault: `MRCONFIGID commits to compose hash ${measured}, and ${what} ${shown(other)}` };
  }
  return { ...base, measured };
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
  const expected = parseHex(build.compose_hash, HASH_BYTES) ?? new Uint8Array();
  const actual = parseHex(compose.measured, HASH_BYTES) ?? new Uint8Array();
  const detail = { expected: build.compose_hash, actual: compose.measured, build: build.name };
  return equalBytes(expected, actual)
    ? passed(ID, `MRCONFIGID commits to the compose document of build "${build.name}"`, detail)
    : failed(ID, `MRCONFIGID commits to another compose document than that of build "${build.name}"`, detail);
}

function shown(hash: string): string {
  return /^[0-9a-f]{64}$/.test(hash) ? hash : "not a SHA-256 in hex";
}
