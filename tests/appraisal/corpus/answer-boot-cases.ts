import type { EventLogEntry } from "../../../packages/attestation/src/evidence/evidence.ts";
import { runtimeEvent } from "../../../packages/simulator/src/index.ts";
import type { AnswerCase, AnswerFamily } from "../answer-case.ts";
import { omit } from "../omit.ts";
import { build, hexBytes, info, measured, OTHER_DIGEST, replaced, served, tcbInfo } from "./boot-faults.ts";

const REPLAY = "eventlog.replay";

const edited = (name: string, changes: Partial<EventLogEntry>) => (log: readonly EventLogEntry[]) =>
  log.map((event) => (event.event === name ? { ...event, ...changes } : event));
const ready = () => runtimeEvent("system-ready", Buffer.alloc(0));

const registers: readonly AnswerCase[] = [
  { name: "another MRTD", fails: "measure.mrtd", faults: { measurements: { mrtd: OTHER_DIGEST } } },
  ...([0, 1, 2] as const).map((imr): AnswerCase => ({
    name: `another RTMR${imr}, to which the event log replays`,
    fails: `measure.rtmr${imr}`,
    faults: measured((log) => {
      const at = log.findIndex((event) => event.imr === imr);
      return log.map((event, index) => (index === at ? { ...event, digest: OTHER_DIGEST } : event));
    }),
  })),
  ...([0, 1, 2] as const).map((imr): AnswerCase => ({
    name: `events of RTMR${imr} in another order`,
    fails: `measure.rtmr${imr}`,
    faults: measured((log) => [...log.filter((event) => event.imr === imr).toReversed(), ...log.filter((event) => event.imr !== imr)]),
  })),
  {
    name: "another RTMR3, to which the event log replays, where the build names one",
    fails: "measure.rtmr3",
    faults: measured((log) => [...log, runtimeEvent("app-event", hexBytes("01"))]),
    policy: (policy) => ({ ...policy, builds: policy.builds.map((pinned) => ({ ...pinned, rtmr3: "00".repeat(48) })) }),
  },
  { name: "an event of an app after the boot", faults: measured((log) => [...log, runtimeEvent("app-event", hexBytes("01"))]) },
  {
    name: "registers that do not fit the event log either",
    fails: "measure.rtmr1",
    alsoFails: [REPLAY],
    faults: { measurements: { rtmr1: OTHER_DIGEST } },
  },
  {
    name: "a build that has expired",
    fails: "measure.mrtd",
    alsoFails: ["measure.rtmr0", "measure.rtmr1", "measure.rtmr2"],
    ...build({ expires: "2026-11-20T12:00:00Z" }),
  },
  { name: "a build in its last second", ...build({ expires: "2026-11-20T12:00:01Z" }) },
  {
    name: "a build among others",
    policy: (policy) => ({ ...policy, builds: [...policy.builds.map((pinned) => ({ ...pinned, mrtd: OTHER_DIGEST })), ...policy.builds] }),
  },
  {
    name: "values of two builds mixed",
    fails: "measure.mrtd",
    policy: (policy) => ({
      ...policy,
      builds: policy.builds.flatMap((pinned) => [
        { ...pinned, mrtd: OTHER_DIGEST },
        { ...pinned, rtmr0: OTHER_DIGEST, rtmr1: OTHER_DIGEST },
      ]),
    }),
  },
  { name: "a policy that accepts any build", policy: () => ({ version: 1, measurements: "any" }) },
];

const replay: readonly AnswerCase[] = [
  { name: "an event log with digests of version 2", simulator: { eventVersion: 2 } },
  {
    name: "no event log, where nothing is pinned",
    answer: (answer) => omit(answer, "event_log"),
    policy: () => ({ version: 1, measurements: "any" }),
  },
  {
    name: "no event log, where nothing is pinned and the policy requires one",
    unmet: REPLAY,
    answer: (answer) => omit(answer, "event_log"),
    policy: () => ({ version: 1, measurements: "any", require: [REPLAY] }),
  },
  { name: "an empty event log", fails: REPLAY, faults: served(() => []) },
  { name: "an event relabelled", fails: REPLAY, faults: served(edited("storage-fs", { event: "storage" })) },
  { name: "an event's payload edited", fails: REPLAY, faults: served(edited("os-image-hash", { event_payload: "ab".repeat(32) })) },
  { name: "an event's digest edited", fails: REPLAY, faults: served(edited("storage-fs", { digest: OTHER_DIGEST })) },
  {
    name: "an event relabelled with a digest to fit",
    fails: REPLAY,
    faults: served(replaced("storage-fs", runtimeEvent("storage-fs", Buffer.from("zfs")))),
  },
  { name: "an event that is served twice", fails: REPLAY, faults: served((log) => [...log, ...log.slice(-1)]) },
  { name: "an event that is left out", fails: REPLAY, faults: served((log) => log.slice(0, -1)) },
  { name: "events in another order", fails: REPLAY, faults: served((log) => [...log.slice(0, -2), ...log.slice(-2).toReversed()]) },
  {
    name: "a firmware event moved to another register",
    fails: REPLAY,
    faults: served((log) => log.map((event, index) => (index === 0 ? { ...event, imr: 1 } : event))),
  },
  {
    name: "a firmware event whose digest is cut short",
    fails: REPLAY,
    faults: served((log) => log.map((event, index) => (index === 0 ? { ...event, digest: "ab" } : event))),
  },
  {
    name: "a firmware event whose payload says something else",
    faults: served((log) => log.map((event, index) => (index === 0 ? { ...event, event_payload: "00" } : event))),
  },
  { name: "a runtime event of a firmware's type", fails: REPLAY, faults: served(edited("storage-fs", { event_type: 1 })) },
  {
    name: "a firmware event measured into RTMR3",
    fails: REPLAY,
    faults: measured((log) => [...log, { imr: 3, event_type: 1, digest: OTHER_DIGEST, event: "", event_payload: "" }]),
  },
  { name: "an event name with a colon", fails: REPLAY, faults: measured((log) => [...log, runtimeEvent("app:event", hexBytes("01"))]) },
  { name: "a name of nothing to see", fails: REPLAY, faults: measured((log) => [...log, runtimeEvent("app\u200b", hexBytes("01"))]) },
  {
    // SHA-384 of the same bytes: "compose-hash" ‖ ":" ‖ payload, cut at another colon.
    name: "a name and payload cut at another colon",
    fails: REPLAY,
    faults: {
      measuredEvents: (log) => [...log, runtimeEvent("app", Buffer.from("a:b"))],
      servedEvents: edited("app", { event: "app:a", event_payload: "62" }),
    },
  },
  { name: "a boot that never became ready", fails: REPLAY, faults: measured(replaced("system-ready")) },
  { name: "a boot without an app id", fails: REPLAY, faults: measured(replaced("app-id")) },
  {
    name: "an app id of another length",
    fails: REPLAY,
    faults: measured(replaced("app-id", runtimeEvent("app-id", hexBytes("ab".repeat(19))))),
  },
  {
    name: "an app id that is measured twice",
    fails: REPLAY,
    faults: measured((log) => log.flatMap((event) => (event.event === "app-id" ? [event, event] : [event]))),
  },
  {
    name: "an app id after the boot",
    fails: REPLAY,
    faults: measured((log) => [...replaced("app-id")(log), ...log.filter((event) => event.event === "app-id")]),
  },
  { name: "a second end of the boot", fails: REPLAY, faults: measured((log) => [...log, ready()]) },
  {
    name: "a second compose hash after the boot",
    fails: REPLAY,
    faults: measured((log) => [...log, runtimeEvent("compose-hash", hexBytes("ab".repeat(32)))]),
  },
  { name: "a stated app id that is another's", fails: REPLAY, faults: info({ app_id: "ab".repeat(20) }) },
  { name: "a stated instance id that is another's", fails: REPLAY, faults: info({ instance_id: "ab".repeat(20) }) },
  { name: "a second event log in info that says something else", fails: REPLAY, faults: tcbInfo({ event_log: [] }) },
];

export const bootFamilies: readonly AnswerFamily[] = [
  { family: "measurements", cases: registers },
  { family: "event log", cases: replay },
];
