import type { AppraisalInput } from "../../../packages/attestation/src/appraise.ts";
import type { Collateral } from "../../../packages/attestation/src/collateral/collateral.ts";
import { parseAttestationAnswer } from "../../../packages/attestation/src/evidence/attestation-answer.ts";
import { builtInPolicy } from "../../../packages/attestation/src/policy/built-in.ts";
import { type Build, parsePolicy, type Policy } from "../../../packages/attestation/src/policy/policy.ts";
import type { CheckId } from "../../../packages/attestation/src/result.ts";
import type { Json, VeniceCapture } from "../venice-capture.ts";

/** One change of the capture, and the checks that have to fail for it: these and no others. */
export interface Mutation {
  readonly name: string;
  /** The check whose business it is. */
  readonly owner: CheckId;
  /** Checks that have to fail as well, since the same bytes (or the same clock) are their business too. */
  readonly also?: readonly CheckId[];
  /** Why there is more than one; there if, and only if, `also` is. */
  readonly why?: string;
  /** What the owner's reason has to say, where one check owns several things. */
  readonly says?: RegExp;
  readonly change: (capture: VeniceCapture) => Partial<AppraisalInput> | Promise<Partial<AppraisalInput>>;
}

export function mutation(name: string, owner: CheckId, change: Mutation["change"], more: Partial<Mutation> = {}): Mutation {
  return { name, owner, change, ...more };
}

const RTMR3 = "00c69dec9ddab61f16866f36ace33cd5389d50988114e7fb4e95e1cb9e0be083c7a54dfdd9239e8b93a1762eee33193e";

/** The built-in policy with all that it leaves open: RTMR3, and what has to be there of what a server may leave out. */
export function strictPolicy(build: Partial<Build> = {}, policy: Partial<Policy> = {}): Policy {
  return bootPolicy({ rtmr3: RTMR3, ...build }, policy);
}

/** The same without RTMR3, so that what its events say is what counts. */
export function bootPolicy(build: Partial<Build> = {}, policy: Partial<Policy> = {}): Policy {
  const venice = builtInPolicy("venice") as Policy;
  return parsePolicy({
    ...venice,
    builds: venice.builds.map((known) => ({ ...known, ...build })),
    // No advisory has this number: its name is here for those who write one into the TCB info.
    tcb: { ...venice.tcb, refuse_advisories: ["INTEL-SA-99999"] },
    gpu: { count: 8, archs: ["HOPPER"], allow_hold: false },
    require: ["eventlog.replay", "dstack.runtime-compose", "image.digests-pinned", "gpu.fwid"],
    ...policy,
  });
}

/** Another value of the same length. */
export function flipped(bytes: Uint8Array, offset: number, mask = 1): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  const byte = copy[offset];
  if (byte === undefined) throw new RangeError(`no byte ${offset}`);
  copy[offset] = byte ^ mask;
  return copy;
}

/** The digit at this place, counted from the end if negative, becomes another one. */
export function otherDigit(hex: string, at = -1): string {
  const index = at < 0 ? hex.length + at : at;
  return `${hex.slice(0, index)}${hex[index] === "0" ? "1" : "0"}${hex.slice(index + 1)}`;
}

export function otherHex(digits: number): string {
  return "ab".repeat(digits / 2);
}

/** Changes the answer's JSON before it is read. */
export function answer(edit: (body: Json) => void): Mutation["change"] {
  return (capture) => {
    const body = structuredClone(capture.answer);
    edit(body);
    return { evidence: parseAttestationAnswer(body) };
  };
}

/** Changes the event log wherever the answer has it: at the top, in `tcb_info`, and beside the second quote. */
export function eventLogs(edit: (log: Json[]) => void): Mutation["change"] {
  return answer((body) => editLogs(body, edit));
}

export function editLogs(body: Json, edit: (log: Json[]) => void): void {
  edit(body["event_log"]);
  edit(body["info"].tcb_info.event_log);
  const manager = body["compose_manager_attestation"];
  const log = JSON.parse(manager.event_log) as Json[];
  edit(log);
  manager.event_log = JSON.stringify(log);
}

export function event(log: readonly Json[], name: string): Json {
  const entry = log.find((candidate) => candidate["event"] === name);
  if (!entry) throw new Error(`the log has no event ${name}`);
  return entry;
}

export function collateral(changes: (now: Collateral) => Partial<Collateral>): Mutation["change"] {
  return ({ endorsements }) => ({ endorsements: { ...endorsements, ...changes(endorsements) } });
}

export function quote(edit: (bytes: Uint8Array) => Uint8Array): Mutation["change"] {
  return ({ evidence }) => ({ evidence: { ...evidence, quote: edit(evidence.quote) } });
}

export function at(time: string): Mutation["change"] {
  return () => ({ nowMs: Date.parse(time) });
}
