import { toHex, utf8 } from "@bauta/protocol";
import type { DstackInfo } from "../evidence/evidence.ts";
import type { Build } from "../policy/policy.ts";
import { failed, type Finding, notChecked, passed } from "../result.ts";
import type { TdReport } from "../tdx/quote.ts";
import { sha256 } from "../x509/ecdsa.ts";
import type { BootRecord } from "./boot-record.ts";
import { verifyBuildImages } from "./build-images.ts";
import type { ComposeDocument } from "./compose-document.ts";
import { parseKeyProvider } from "./key-provider.ts";
import { type MeasuredCompose, openMrConfigId } from "./mr-config-id.ts";

const ID = "dstack.compose-hash";

/** What a quote, a replayed log and the served document say about the compose document. Hashes as lower-case hex. */
export interface ComposeHash extends MeasuredCompose {
  /** SHA-256 of the served document. */
  readonly served?: string;
  /** The replayed event `compose-hash`. */
  readonly event?: string;
}

/**
 * Reads MRCONFIGID, hashes the served compose document, and holds the two, the event and the stated hash against each other.
 * @param boot of a replayed log; without one, what the answer states opens a MRCONFIGID of kind 2
 */
export async function readComposeHash(report: TdReport, info: DstackInfo | undefined, boot?: BootRecord): Promise<ComposeHash> {
  const served = info?.app_compose === undefined ? undefined : toHex(await sha256(utf8(info.app_compose)));
  const stated = info?.compose_hash?.toLowerCase();
  const event = boot?.composeHash;
  const provider = boot ? boot.keyProvider : info?.key_provider_info && utf8(info.key_provider_info);
  const compose = await openMrConfigId(report, {
    composeHash: event ?? served ?? stated,
    appId: boot ? boot.appId : info?.app_id?.toLowerCase().replace(/^0x/, ""),
    keyProvider: provider ? parseKeyProvider(provider) : undefined,
    document: info?.mr_config ?? documentInVmConfig(info?.vm_config),
    boot,
  });
  const twice = info?.contradictions?.find((name) => name === "app_compose" || name === "compose_hash");
  const fault =
    compose.fault ??
    (twice === undefined ? undefined : `the answer states two different values of ${twice}`) ??
    contradiction(compose.measured, served, stated, event);
  return {
    ...compose,
    ...(served !== undefined && { served }),
    ...(event !== undefined && { event }),
    ...(fault !== undefined && { fault }),
  };
}

/**
 * True when the served document is the one that the guest measured: the replayed event names it, and nothing else speaks
 * against it. MRCONFIGID alone is what the host set.
 */
export function isProven({ served, event, fault }: ComposeHash): boolean {
  return fault === undefined && served !== undefined && served === event;
}

function contradiction(
  measured: string | undefined,
  served: string | undefined,
  stated: string | undefined,
  event: string | undefined,
): string | undefined {
  if (served !== undefined && stated !== undefined && stated !== served)
    return `app_compose hashes to ${served}, and the answer's compose_hash is ${shown(stated)}`;
  if (measured !== undefined && event !== undefined && measured !== event)
    return `MRCONFIGID commits to compose hash ${measured}, and the measured event compose-hash holds ${event}`;
  const other = served ?? stated;
  const proven = measured ?? event;
  if (proven === undefined || other === undefined || other === proven) return undefined;
  const where = measured === undefined ? "the measured event compose-hash holds" : "MRCONFIGID commits to compose hash";
  const what = served === undefined ? "the answer's compose_hash is" : "the served app_compose hashes to";
  return `${where} ${proven}, and ${what} ${shown(other)}`;
}

/**
 * Compares the measured compose hash with a build's, and the images of the measured document with the build's.
 * @param build the build that the registers are compared with; undefined when the policy names none
 * @param document the measured document, or why it cannot be read
 */
export function verifyComposeHash(compose: ComposeHash, build: Build | undefined, document?: ComposeDocument | string): Finding {
  if (compose.fault !== undefined) return failed(ID, compose.fault);
  if (compose.measured === undefined) return notChecked(ID, uncheckedReason(compose));
  if (compose.event === undefined) {
    return notChecked(
      ID,
      `MRCONFIGID, which the host sets, commits to compose hash ${compose.measured}; no replayed event shows that the guest booted that document (eventlog.replay)`,
    );
  }
  if (!build) {
    return compose.served === undefined
      ? notChecked(
          ID,
          `MRCONFIGID commits to compose hash ${compose.measured}, but neither a document nor a build is there to compare it with`,
        )
      : passed(
          ID,
          `the served app_compose hashes to ${compose.measured}, as MRCONFIGID and the measured event say; no build of the policy is compared with it`,
        );
  }
  const images = build.images && verifyBuildImages(ID, document, build.name, build.images);
  if (images && images.status !== "pass") return images;
  if (build.compose_hash === undefined) {
    return images ?? notChecked(ID, `build "${build.name}" names neither a compose hash nor images to compare with`);
  }
  const detail = { expected: build.compose_hash, actual: compose.measured, build: build.name };
  return build.compose_hash.toLowerCase() === compose.measured
    ? passed(ID, `MRCONFIGID commits to the compose document of build "${build.name}"`, detail)
    : failed(ID, `MRCONFIGID commits to another compose document than that of build "${build.name}"`, detail);
}

function uncheckedReason({ unchecked, event }: ComposeHash): string {
  const why = unchecked ?? "MRCONFIGID commits to nothing known";
  return event === undefined ? why : `${why}; the measured event compose-hash alone holds ${event}`;
}

/** dstack's hosts put the document of kind 3 into the VM's configuration. */
function documentInVmConfig(vmConfig: string | undefined): string | undefined {
  if (vmConfig === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(vmConfig);
    const document = typeof value === "object" && value !== null ? (value as Record<string, unknown>)["mr_config"] : undefined;
    return typeof document === "string" ? document : undefined;
  } catch {
    return undefined;
  }
}

function shown(hash: string): string {
  return /^[0-9a-f]{64}$/.test(hash) ? hash : "not a SHA-256 in hex";
}
