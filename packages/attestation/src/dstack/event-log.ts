import { concatBytes, equalBytes, parseHex, toHex } from "@bauta/protocol";
import type { DstackInfo, EventLogEntry } from "../evidence/evidence.ts";
import { failed, type Finding, notChecked, passed } from "../result.ts";
import type { TdReport } from "../tdx/quote.ts";
import { type BootRecord, contradictBoot, readBootRecord } from "./boot-record.ts";
import { printable } from "./printable.ts";
import { type DigestForm, readRuntimeEvent, RUNTIME_REGISTER, type RuntimeEvent, sha384 } from "./runtime-event.ts";

const ID = "eventlog.replay";
const REGISTER_BYTES = 48;
/** As many as an answer is read for; each costs up to three hashes. */
const MAX_EVENTS = 1024;

/** The event log after its replay. `boot` and `events` are there only if the finding passed. */
export interface ReplayedLog {
  readonly finding: Finding;
  readonly boot?: BootRecord;
  /** Every event of RTMR3 in order, also what apps added after the boot. */
  readonly events?: readonly RuntimeEvent[];
}

/**
 * Replays the event log into all four registers and compares them with the quote's. Firmware events keep their payloads to
 * themselves: what a digest of RTMR0–2 stands for is for reference values to know. A runtime event counts only if its digest
 * follows from its name and payload.
 * @param report of a quote whose origin is proven
 * @see Intel TDX Module Specification, "TDG.MR.RTMR.EXTEND"
 */
export async function replayEventLog(
  report: TdReport,
  log: readonly EventLogEntry[] | undefined,
  info: DstackInfo | undefined,
): Promise<ReplayedLog> {
  if (!log) return { finding: notChecked(ID, "the answer has no event log: nothing says what the registers were extended with") };
  if (info?.event_log && !sameLog(log, info.event_log)) return fail("the event log in info.tcb_info is another one than the answer's");
  if (log.length > MAX_EVENTS) return fail(`the event log has ${log.length} events, more than ${MAX_EVENTS}`);
  // What one of the two copies leaves out, the other may have.
  const entries = info?.event_log ? log.map((entry, index) => mergeEntries(entry, info.event_log?.[index] ?? entry)) : log;
  const events = await readRuntimeEvents(report, entries);
  if (typeof events === "string") return fail(events);
  const digests = digestsOf(entries, events);
  if (typeof digests === "string") return fail(digests);
  const fault = await compareRegisters(report, entries, digests);
  if (fault) return { finding: fault };
  const boot = readBootRecord(events);
  if (typeof boot === "string") return fail(boot);
  const contradiction = contradictBoot(boot, info);
  if (contradiction !== undefined) return fail(contradiction);
  const reason = `${log.length} events replay to RTMR0–3, and the digests of RTMR3's ${events.length} follow from their names and payloads`;
  return { finding: passed(ID, reason), boot, events };
}

/**
 * True when two logs say the same in everything that a replay reads. Guests since dstack 0.5.6 strip what can be computed, or
 * is nobody's to read, from one of them: an empty member is absent, not different.
 */
export function sameLog(a: readonly EventLogEntry[], b: readonly EventLogEntry[]): boolean {
  return (
    a.length === b.length &&
    a.every((entry, index) => {
      const other = b[index];
      return (
        other !== undefined &&
        entry.imr === other.imr &&
        entry.event_type === other.event_type &&
        isSameHex(entry.digest, other.digest) &&
        entry.event === other.event &&
        isSameHex(entry.event_payload, other.event_payload)
      );
    })
  );
}

function isSameHex(a: string, b: string): boolean {
  return a === "" || b === "" || a.toLowerCase() === b.toLowerCase();
}

function mergeEntries(entry: EventLogEntry, other: EventLogEntry): EventLogEntry {
  return { ...entry, digest: entry.digest || other.digest, event_payload: entry.event_payload || other.event_payload };
}

/** @returns the events of RTMR3, whose digests follow from their names and payloads; or why they do not */
async function readRuntimeEvents(report: TdReport, log: readonly EventLogEntry[]): Promise<readonly RuntimeEvent[] | string> {
  const entries = log.flatMap((entry, index) => (entry.imr === RUNTIME_REGISTER ? [{ entry, index }] : []));
  // Where digests are left out, the register tells which of their two forms was extended.
  const forms: readonly DigestForm[] = entries.some(({ entry }) => entry.digest === "") ? [1, 2] : [1];
  let events: RuntimeEvent[] = [];
  for (const form of forms) {
    events = [];
    const read = await Promise.all(entries.map(({ entry }) => readRuntimeEvent(entry, form)));
    for (const [i, event] of read.entries()) {
      const { entry, index } = entries[i] ?? {};
      if (typeof event === "string") return `event ${index} of the log (${printable(entry?.event ?? "") || "no name"}, RTMR3) ${event}`;
      events.push(event);
    }
    const register = await replay(events.map(({ digest }) => digest));
    if (equalBytes(register, report.rtmr[RUNTIME_REGISTER] ?? new Uint8Array(0))) break;
  }
  return events;
}

/** What each entry extended its register with. */
function digestsOf(log: readonly EventLogEntry[], events: readonly RuntimeEvent[]): readonly Uint8Array<ArrayBuffer>[] | string {
  const digests: Uint8Array<ArrayBuffer>[] = [];
  let next = 0;
  for (const [index, entry] of log.entries()) {
    const digest = entry.imr === RUNTIME_REGISTER ? events[next++]?.digest : parseHex(entry.digest, REGISTER_BYTES);
    if (digest?.length !== REGISTER_BYTES) return `event ${index} of the log has no SHA-384 digest in hex`;
    digests.push(digest);
  }
  return digests;
}

async function compareRegisters(
  report: TdReport,
  log: readonly EventLogEntry[],
  digests: readonly Uint8Array<ArrayBuffer>[],
): Promise<Finding | undefined> {
  const replayed = await Promise.all(report.rtmr.map((_, imr) => replay(digests.filter((_digest, index) => log[index]?.imr === imr))));
  const differing = report.rtmr.flatMap((register, imr) => {
    const actual = replayed[imr];
    return actual && equalBytes(register, actual) ? [] : [{ imr, register, actual }];
  });
  const [first] = differing;
  if (!first) return undefined;
  const names = differing.map(({ imr }) => `RTMR${imr}`).join(", ");
  return failed(ID, `the event log does not replay to the quote's ${names}`, {
    expected: toHex(first.register),
    actual: first.actual ? toHex(first.actual) : "",
  });
}

/** From zeros, SHA-384(register ‖ digest) for each event in turn. */
async function replay(digests: readonly Uint8Array[]): Promise<Uint8Array> {
  let register = new Uint8Array(REGISTER_BYTES);
  for (const digest of digests) register = await sha384(concatBytes(register, digest));
  return register;
}

function fail(reason: string): ReplayedLog {
  return { finding: failed(ID, reason) };
}
