import { type CheckId, failed, type Finding, notChecked, passed } from "../result.ts";

/** The faults among conditions that must not hold. */
export function faultsOf(...conditions: readonly (readonly [holds: boolean, fault: string])[]): string[] {
  return conditions.flatMap(([holds, fault]) => (holds ? [fault] : []));
}

/** Faults of a thing, with its name. */
export function faultsIn(what: string, faults: readonly string[]): string[] {
  return faults.map((fault) => `${what}: ${fault}`);
}

/** A check that fails with all its faults, or else passes. */
export function judged(id: CheckId, faults: readonly string[], reason: string): Finding {
  return faults.length > 0 ? failed(id, faults.join("; ")) : passed(id, reason);
}

/** Checks that cannot be made, all for one reason. */
export function skip(ids: readonly CheckId[], reason: string): Finding[] {
  return ids.map((id) => notChecked(id, reason));
}
