import { concatBytes, equalBytes, parseHex, toHex, utf8 } from "@bauta/protocol";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { sha256 } from "../x509/ecdsa.ts";
import type { TdReport } from "../tdx/quote.ts";
import type { BootRecord } from "./boot-record.ts";
import type { KeyProvider } from "./key-provider.ts";
import { readMrConfigDocument } from "./mr-config-document.ts";

const HASH_BYTES = 32;
const APP_ID_BYTES = 20;
const MAX_PROVIDER_ID_BYTES = 2048;
/** In front of the document of kind 3, with a zero byte between. */
const DOCUMENT_DOMAIN = "dstack-mr-config-v3:";
/** Key providers as kind 2 counts them. */
const PROVIDER_KINDS: Readonly<Record<string, number>> = { none: 0, "local-sgx": 1, local: 1, kms: 2, tpm: 3 };

/** What MRCONFIGID says about the compose document, and whether anything contradicts it. */
export interface MeasuredCompose {
  /** The hash that MRCONFIGID commits to, lower-case hex, where it commits to a compose hash. */
  readonly measured?: string;
  /** Why MRCONFIGID cannot be right, or what contradicts what. */
  readonly fault?: string;
  /** Why MRCONFIGID says nothing that can be compared. */
  readonly unchecked?: string;
}

/** What the commitments of kinds 2 and 3 are opened with: replayed events where there are any, else what was served. */
export interface ConfigPreimage {
  /** Hex. */
  readonly composeHash?: string | undefined;
  /** Hex. */
  readonly appId?: string | undefined;
  readonly keyProvider?: KeyProvider | undefined;
  /** The document of kind 3, byte for byte. */
  readonly document?: string | undefined;
  readonly boot?: BootRecord | undefined;
}

/**
 * Reads MRCONFIGID alone: `kind ‖ commitment(32) ‖ zeros(15)`. Nothing that was served has a say in it, so only kind 1,
 * the compose hash itself, can be read in this way.
 * @see dstack dstack-types, mr_config.rs
 */
function readMeasuredCompose({ mrConfigId }: TdReport): MeasuredCompose {
  if (mrConfigId.every((byte) => byte === 0)) return { unchecked: "MRCONFIGID is zero: the quote commits to no compose document" };
  const [kind] = mrConfigId;
  if (kind === undefined || kind < 1 || kind > 3) return { fault: `MRCONFIGID is of unknown kind ${kind}` };
  if (mrConfigId.subarray(1 + HASH_BYTES).some((byte) => byte !== 0)) return { fault: "MRCONFIGID does not end in zeros" };
  if (kind === 1) return { measured: toHex(mrConfigId.subarray(1, 1 + HASH_BYTES)) };
  return { unchecked: `MRCONFIGID is of kind ${kind}, which commits to more than the compose hash` };
}

/**
 * Reads MRCONFIGID of any kind; kinds 2 and 3 are hashes, so that they can only be held against what they may stand for.
 * @see dstack dstack-util, config_id_verifier.rs
 */
export async function openMrConfigId(report: TdReport, preimage: ConfigPreimage): Promise<MeasuredCompose> {
  const alone = readMeasuredCompose(report);
  if (alone.fault !== undefined || alone.measured !== undefined) return alone;
  const commitment = report.mrConfigId.subarray(1, 1 + HASH_BYTES);
  if (report.mrConfigId[0] === 2) return openKind2(commitment, preimage);
  if (report.mrConfigId[0] === 3) return await openKind3(commitment, preimage);
  return alone;
}

/** Keccak-256(compose hash(32) ‖ app id(20) ‖ kind(1) ‖ provider id). */
function openKind2(commitment: Uint8Array, { composeHash, appId, keyProvider }: ConfigPreimage): MeasuredCompose {
  const compose = parseHex(composeHash ?? "", HASH_BYTES);
  const app = parseHex(appId ?? "", APP_ID_BYTES);
  const provider = parseHex(keyProvider?.id ?? "", MAX_PROVIDER_ID_BYTES);
  const kind = keyProvider && (Object.hasOwn(PROVIDER_KINDS, keyProvider.name) ? PROVIDER_KINDS[keyProvider.name] : undefined);
  if (compose?.length !== HASH_BYTES || app?.length !== APP_ID_BYTES || !provider || kind === undefined) {
    return {
      unchecked:
        "MRCONFIGID is of kind 2, a hash over compose hash, app id and key provider, and the answer lacks one of them or has an unknown one",
    };
  }
  const actual = keccak_256(concatBytes(compose, app, Uint8Array.of(kind), provider));
  return equalBytes(actual, commitment)
    ? { measured: toHex(compose) }
    : { fault: "MRCONFIGID, of kind 2, commits to another compose hash, app id or key provider than those of the answer" };
}

/** SHA-256(`dstack-mr-config-v3:` ‖ 00 ‖ document). */
async function openKind3(commitment: Uint8Array, { document, boot }: ConfigPreimage): Promise<MeasuredCompose> {
  if (document === undefined)
    return { unchecked: "MRCONFIGID is of kind 3, and the answer lacks the mr_config document that it commits to" };
  const actual = await sha256(concatBytes(utf8(DOCUMENT_DOMAIN), Uint8Array.of(0), utf8(document)));
  if (!equalBytes(actual, commitment)) return { fault: "MRCONFIGID, of kind 3, commits to another mr_config document than the answer's" };
  const read = readMrConfigDocument(document, boot);
  return typeof read === "string" ? { fault: read } : { measured: read.composeHash };
}
