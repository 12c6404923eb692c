import { bindNonce, canonicalJson, equalBytes, parseHex, toHex, utf8 } from "@bauta/protocol";
import type { RequestNonce } from "../binding/report-data-binding.ts";
import type { ComposeManagerEvidence, EventLogEntry, ManagerAction } from "../evidence/evidence.ts";
import { failed, type Finding, notChecked, passed } from "../result.ts";
import type { TdReport } from "../tdx/quote.ts";
import { sha256 } from "../x509/ecdsa.ts";
import { sameLog } from "./event-log.ts";
import { printable } from "./printable.ts";

const ID = "dstack.runtime-compose";
const HASH_BYTES = 32;
/** Lines of {@link RuntimeCompose.latest}. */
const MAX_FILES = 32;
/** Members of an action in the order in which the manager's first versions wrote them for hashing. */
const DECLARED_ORDER = ["timestamp", "action", "tag", "commit", "file", "file_sha256", "services", "container", "image"] as const;
/** What has to be equal for two quotes to be of one TD. RTMR3 holds its instance id. */
const SAME = ["mrTd", "mrConfigId", "mrOwner", "mrOwnerConfig", "tdAttributes", "xfam", "mrSeam", "mrSignerSeam"] as const;

/** The second quote after the same appraisal of its platform that the first has had. */
export interface ManagerPlatform {
  /** Present only if the quote's origin is proven. */
  readonly report?: TdReport | undefined;
  /** The first check of the origin that did not pass. */
  readonly doubt?: Finding | undefined;
}

/** What a compose manager says that it did: its word, under a quote of this TD. */
export interface RuntimeCompose {
  readonly actions: number;
  /** The last thing done with each compose file, the newest last; at most 32. */
  readonly latest: readonly string[];
}

export interface RuntimeComposeReading {
  readonly finding: Finding;
  /** Only if the finding passed. */
  readonly runtime?: RuntimeCompose;
}

/**
 * Verifies a compose manager's second quote: the same TD as the first one's, and REPORTDATA `actions_hash(32) ‖ nonce(32)`
 * over the very actions that are served. The compose files themselves are named by commit and SHA-256 and are not read.
 * @param first of the answer's own quote, whose origin is proven
 * @param nonce the client's, as in its own request
 * @param log the answer's own event log, if it was replayed: the manager's must be the same
 * @see nearai/compose-manager, "attestation report"
 */
export async function verifyRuntimeCompose(
  first: TdReport,
  manager: ComposeManagerEvidence | undefined,
  platform: ManagerPlatform | undefined,
  nonce: RequestNonce,
  log: readonly EventLogEntry[] | undefined,
): Promise<RuntimeComposeReading> {
  if (!manager) return { finding: notChecked(ID, "the answer has no attestation of a program that starts more containers later") };
  if (platform?.doubt) return { finding: judgeDoubt(platform.doubt) };
  const second = platform?.report;
  if (!second) return { finding: notChecked(ID, "not checked: the compose manager's own quote was not appraised") };
  const expected = bindNonce(nonce.query, nonce.sealed)?.bytes;
  if (!expected || !equalBytes(first.reportData.subarray(HASH_BYTES), expected))
    return { finding: notChecked(ID, "not checked: the answer's own quote was made for another request (nonce.bound)") };
  const fault =
    compareTds(first, second) ?? (await compareReportData(second, manager, expected)) ?? compareStatements(second, manager, log);
  if (fault !== undefined) return { finding: failed(ID, fault) };
  const runtime = { actions: manager.actions.length, latest: latestActions(manager.actions) };
  const last = runtime.latest.at(-1);
  const reason = `a program of this TD vouches for ${runtime.actions} actions of a compose manager; the files that it names are not read here, so engine and weights are not proven`;
  return { runtime, finding: passed(ID, reason, { actions: String(runtime.actions), ...(last !== undefined && { last }) }) };
}

function judgeDoubt(doubt: Finding): Finding {
  const reason = `the compose manager's own quote is not as good as the answer's: ${doubt.id}: ${doubt.reason}`;
  return doubt.status === "fail" ? failed(ID, reason) : notChecked(ID, reason);
}

function compareTds(first: TdReport, second: TdReport): string | undefined {
  const member = SAME.find((name) => !equalBytes(first[name], second[name]));
  const rtmr = first.rtmr.findIndex((register, index) => !equalBytes(register, second.rtmr[index] ?? new Uint8Array()));
  if (member === undefined && rtmr < 0) return undefined;
  return `the compose manager's quote is of another TD: its ${member === undefined ? `RTMR${rtmr}` : member.toUpperCase()} differs`;
}

async function compareReportData(second: TdReport, manager: ComposeManagerEvidence, nonce: Uint8Array): Promise<string | undefined> {
  if (!equalBytes(second.reportData.subarray(HASH_BYTES), nonce))
    return "the compose manager's quote holds another nonce: it was made for another request";
  const bound = toHex(second.reportData.subarray(0, HASH_BYTES));
  for (const text of actionTexts(manager.actions)) {
    if (toHex(await sha256(utf8(text))) === bound) return undefined;
  }
  return "the compose manager's quote binds other actions than those in the answer";
}

/**
 * The texts whose hash a manager may have put into its quote: compact JSON with its members sorted, as current versions
 * write it, or in the order of the program's own declaration, as the first ones did. Both are JSON of the same actions.
 */
function actionTexts(actions: readonly ManagerAction[]): readonly string[] {
  const texts: string[] = [];
  try {
    texts.push(canonicalJson(actions));
  } catch {
    // A lone surrogate has no canonical form, and no manager can have hashed one.
  }
  const order: readonly string[] = DECLARED_ORDER;
  if (actions.every((action) => Object.keys(action).every((name) => order.includes(name)))) {
    texts.push(
      JSON.stringify(actions.map((action) => Object.fromEntries(order.flatMap((name) => (name in action ? [[name, action[name]]] : []))))),
    );
  }
  return texts;
}

function compareStatements(
  second: TdReport,
  manager: ComposeManagerEvidence,
  log: readonly EventLogEntry[] | undefined,
): string | undefined {
  const bound = toHex(second.reportData);
  const hash = manager.actionsHash?.toLowerCase();
  if (hash !== undefined && hash !== bound.slice(0, 2 * HASH_BYTES))
    return "the compose manager states another actions_hash than its quote holds";
  if (manager.reportData !== undefined && manager.reportData.toLowerCase() !== bound)
    return "the compose manager states another report_data than its quote holds";
  const stated = parseHex(manager.nonce ?? "", HASH_BYTES);
  if (manager.nonce !== undefined && stated?.length === HASH_BYTES && !equalBytes(stated, second.reportData.subarray(HASH_BYTES)))
    return "the compose manager states another nonce than its quote holds";
  if (manager.eventLog && log && !sameLog(manager.eventLog, log)) return "the compose manager's event log is another one than the answer's";
  return undefined;
}

function latestActions(actions: readonly ManagerAction[]): readonly string[] {
  const latest = new Map<string, string>();
  for (const action of actions) {
    const subject = said(action, "file") || said(action, "image") || said(action, "container") || "(no file)";
    const members = ["action", "tag", "commit", "file_sha256", "timestamp"].flatMap((name) => said(action, name) || []);
    latest.delete(subject);
    latest.set(subject, [subject, ...members].join(" "));
  }
  return [...latest.values()].slice(-MAX_FILES);
}

function said(action: ManagerAction, name: string): string {
  const value = Object.hasOwn(action, name) ? action[name] : undefined;
  return typeof value === "string" ? printable(value) : "";
}
