import { printable } from "../dstack/printable.ts";
import { type CheckId, type CheckStatus, failed, type Finding, notChecked, passed } from "../result.ts";

const MAX_REASON_CHARACTERS = 320;
const MAX_SHOWN_REASONS = 4;

/** What one check found out about one device. */
export interface Outcome {
  readonly status: CheckStatus;
  /** A clause about this device. */
  readonly reason: string;
}

/** An outcome and whose it is. */
export interface DeviceOutcome extends Outcome {
  /** "GPU 0": its position in the evidence. */
  readonly device: string;
}

/** Passes without faults; with some it fails with all of them. */
export function outcomeOf(faults: readonly string[], reason: string): Outcome {
  return faults.length > 0 ? { status: "fail", reason: faults.join("; ") } : { status: "pass", reason };
}

/**
 * Puts the outcomes of several devices into one finding: it fails if it does for one of them, and passes only if it does
 * for all. The reason names the devices that it is about.
 */
export function gatherOutcomes(id: CheckId, outcomes: readonly DeviceOutcome[], everyDevice: string): Finding {
  const worst = (["fail", "not-checked", "pass"] as const).find((status) => outcomes.some((outcome) => outcome.status === status));
  const about = outcomes.filter(({ status }) => status === worst);
  const byReason = new Map<string, string[]>();
  for (const { device, reason } of about) byReason.set(reason, [...(byReason.get(reason) ?? []), device]);
  const clauses = [...byReason].map(
    ([reason, devices]) =>
      `${devices.length === outcomes.length && devices.length > 1 ? everyDevice : enumerated(devices)}: ${printable(reason, MAX_REASON_CHARACTERS)}`,
  );
  const more = clauses.length > MAX_SHOWN_REASONS ? `; and ${clauses.length - MAX_SHOWN_REASONS} more` : "";
  const reason = clauses.slice(0, MAX_SHOWN_REASONS).join("; ") + more;
  if (worst === "pass") return passed(id, reason);
  const detail =
    about.length < outcomes.length || byReason.size > 1
      ? Object.fromEntries(
          outcomes.map(({ device, status, reason: why }) => [device, printable(`${status}: ${why}`, MAX_REASON_CHARACTERS)]),
        )
      : undefined;
  return worst === "fail" ? failed(id, reason, detail) : notChecked(id, reason, detail);
}

function enumerated(devices: readonly string[]): string {
  return devices.length > 1 ? `${devices.slice(0, -1).join(", ")} and ${devices.at(-1)}` : (devices[0] ?? "");
}
