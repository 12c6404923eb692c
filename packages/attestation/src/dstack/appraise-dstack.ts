import type { RequestNonce } from "../binding/report-data-binding.ts";
import type { Evidence } from "../evidence/evidence.ts";
import type { Build } from "../policy/policy.ts";
import type { Claims, Finding } from "../result.ts";
import type { TdReport } from "../tdx/quote.ts";
import type { BootRecord } from "./boot-record.ts";
import { verifyDigestsPinned } from "./build-images.ts";
import type { ComposeDocument } from "./compose-document.ts";
import { type ComposeHash, isProven, readComposeHash, verifyComposeHash } from "./compose-hash.ts";
import { replayEventLog } from "./event-log.ts";
import { type KeyProvider, keyProviderText, verifyKeyProvider } from "./key-provider.ts";
import { verifyOsImage } from "./os-image.ts";
import { printable } from "./printable.ts";
import { type ManagerPlatform, type RuntimeCompose, verifyRuntimeCompose } from "./runtime-compose.ts";

/** Images in the claims. */
const MAX_IMAGES = 256;

/** The measured compose document. */
export interface ProvenCompose extends ComposeDocument {
  /** SHA-256 of its text, lower-case hex. */
  readonly hash: string;
}

/** What a quote, an event log and a compose document prove together, before any policy looks at it. */
export interface DstackReading {
  readonly replay: Finding;
  readonly boot?: BootRecord;
  readonly composeHash: ComposeHash;
  /** The measured document, or why it is not known. */
  readonly compose: ProvenCompose | string;
}

export interface DstackInput {
  /** Of a quote whose origin is proven. */
  readonly report: TdReport;
  readonly evidence: Evidence;
  /** The build that the measurements are compared with. */
  readonly build?: Build | undefined;
  /** The caller's own request. */
  readonly nonce: RequestNonce;
  /** What the appraisal of `evidence.composeManager.quote` found out. */
  readonly manager?: ManagerPlatform | undefined;
  /** From {@link readDstack}, where the caller needed it to choose a build. */
  readonly reading?: DstackReading | undefined;
}

export interface DstackResult {
  /** eventlog.replay, dstack.compose-hash, dstack.runtime-compose, dstack.os-image, dstack.key-provider, image.digests-pinned. */
  readonly findings: readonly Finding[];
  readonly claims: Pick<Claims, "compose_hash" | "images" | "app_id" | "os_image_hash" | "key_provider">;
  readonly compose?: ProvenCompose;
  readonly boot?: BootRecord;
  readonly keyProvider?: KeyProvider;
  readonly runtime?: RuntimeCompose;
}

/** Replays the event log, opens MRCONFIGID and reads the compose document if it is the measured one. Throws nothing. */
export async function readDstack(report: TdReport, { eventLog, info }: Evidence): Promise<DstackReading> {
  const { finding, boot } = await replayEventLog(report, eventLog, info);
  const composeHash = await readComposeHash(report, info, boot);
  return { replay: finding, composeHash, compose: await readCompose(composeHash, info?.app_compose), ...(boot && { boot }) };
}

async function readCompose(hash: ComposeHash, text: string | undefined): Promise<ProvenCompose | string> {
  if (text === undefined || hash.served === undefined) return "the answer has no compose document";
  if (!isProven(hash)) return "nothing proves that the served compose document was measured (dstack.compose-hash)";
  // Loaded when it is first needed: YAML is a quarter of what a page would have to load otherwise.
  const { ComposeError, parseComposeDocument } = await import("./compose-document.ts");
  try {
    return { ...parseComposeDocument(text), hash: hash.served };
  } catch (error) {
    if (error instanceof ComposeError) return `the measured compose document cannot be read: ${error.message}`;
    throw error;
  }
}

/**
 * Appraises what dstack measured: event log, compose document, OS image, key provider, images, and what a compose manager
 * says it started later.
 */
export async function appraiseDstack(input: DstackInput): Promise<DstackResult> {
  const { report, evidence, build, nonce } = input;
  const { info } = evidence;
  const { replay, boot, composeHash, compose } = input.reading ?? (await readDstack(report, evidence));
  const manager = await verifyRuntimeCompose(report, evidence.composeManager, input.manager, nonce, boot && evidence.eventLog);
  const keyProvider = verifyKeyProvider(boot, build, info);
  const { measured, event } = composeHash;
  return {
    findings: [
      replay,
      verifyComposeHash(composeHash, build, compose),
      manager.finding,
      verifyOsImage(boot, build, info),
      keyProvider.finding,
      verifyDigestsPinned(compose),
    ],
    claims: {
      ...(measured !== undefined && event === measured && { compose_hash: measured }),
      ...(typeof compose !== "string" && { images: imagesOf(compose) }),
      ...(boot && { app_id: boot.appId }),
      ...(boot?.osImageHash !== undefined && { os_image_hash: boot.osImageHash }),
      ...(keyProvider.provider && { key_provider: printable(keyProviderText(keyProvider.provider), 4096) }),
    },
    ...(typeof compose !== "string" && { compose }),
    ...(boot && { boot }),
    ...(keyProvider.provider && { keyProvider: keyProvider.provider }),
    ...(manager.runtime && { runtime: manager.runtime }),
  };
}

function imagesOf({ services }: ComposeDocument): readonly string[] {
  const images = new Set(services.flatMap(({ image }) => (image === undefined ? [] : [printable(image, 512)])));
  return [...images].slice(0, MAX_IMAGES);
}
