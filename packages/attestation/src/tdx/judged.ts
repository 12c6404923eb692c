import { type CheckId, failed, type Finding, notChecked, passed } from "../result.ts";

/** The faults among conditions that must not hold. */
export function faultsOf(...conditions: readonly (readonly [holds: boolean, fault: string])[]): string[] {
  return conditions.flatMap(([holds, fault]) => (holds ? [fault] : []));
}

/** A check that fails with all its faults, or else passes. */
export function judged(id: CheckId, faults: readonly string[], reason: string, detail?: Readonly<Record<string, string>>): Finding {
  return faults.length > 0 ? failed(id, faults.join("; "), detail) : passed(id, reason, detail);
}

/** Checks that cannot be made, all for one reason. */
export function skip(ids: readonly CheckId[], reason: string): Finding[] {
  return ids.map((id) => notChecked(id, reason));
}
