import type { EventLogEntry } from "../../../packages/attestation/src/evidence/evidence.ts";
import type { SimulatorFaults } from "../../../packages/simulator/src/index.ts";
import type { AnswerCase } from "../answer-case.ts";

type Log = readonly EventLogEntry[];

/** A register or digest that is nobody's. */
export const OTHER_DIGEST = "ab".repeat(48);

/** Puts other events in an event's place; none leave it out. */
export const replaced =
  (name: string, ...by: Log) =>
  (log: Log): Log =>
    log.flatMap((event) => (event.event === name ? by : [event]));

/** What the server says of the boot; the registers stay. */
export const served = (servedEvents: (log: Log) => Log): SimulatorFaults => ({ servedEvents });

/** What was booted; the registers follow. */
export const measured = (measuredEvents: (log: Log) => Log): SimulatorFaults => ({ measuredEvents });

/** Changes the build that the policy pins. */
export const build = (changes: object): Pick<AnswerCase, "policy"> => ({
  policy: (policy) => ({ ...policy, builds: policy.builds.map((pinned) => ({ ...pinned, ...changes })) }),
});

/** Edits `info` and its `tcb_info` alike, as a gateway that lies without contradicting itself. */
export const info = (changes: object): SimulatorFaults => ({
  servedInfo: (all) => ({ ...all, ...changes, tcb_info: { ...(all["tcb_info"] as object), ...changes } }),
});

/** Edits `tcb_info` alone. */
export const tcbInfo = (changes: object): SimulatorFaults => ({
  servedInfo: (all) => ({ ...all, tcb_info: { ...(all["tcb_info"] as object), ...changes } }),
});

export function hexBytes(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}
