import type { ConformanceCase } from "./case.ts";
import type { JsonObject } from "./relayed-answer.ts";

interface LoggedEvent extends JsonObject {
  readonly imr: number;
  readonly event: string;
  readonly event_payload: string;
}

/** Rewrites the event log beside a genuine quote, wherever the answer has it. */
const served = (id: string, title: string, change: (events: readonly LoggedEvent[]) => readonly JsonObject[]): ConformanceCase => ({
  id: `event-log/${id}`,
  cases: ["12"],
  title,
  expected: "refused",
  misbehaviour: { attest: (genuine) => ({ ...genuine, event_log: change(genuine["event_log"] as readonly LoggedEvent[]) }) },
});
const edit = (name: string, change: (event: LoggedEvent) => JsonObject) => (events: readonly LoggedEvent[]) =>
  events.map((event) => (event.event === name ? change(event) : event));

/** A log that tells another story than the registers. */
export const eventLogAttacks: readonly ConformanceCase[] = [
  served(
    "relabelled",
    "gives an event another name and keeps its digest",
    edit("app-id", (event) => ({ ...event, event: "compose-hash" })),
  ),
  served(
    "payload",
    "gives an event another payload and keeps its digest",
    edit("os-image-hash", (event) => ({ ...event, event_payload: "00".repeat(32) })),
  ),
  served("duplicated", "repeats an event", (events) => [...events, ...events.slice(-1)]),
  served("dropped", "leaves an event out", (events) => events.filter(({ event }) => event !== "instance-id")),
  served("reordered", "swaps two events", (events) => [...events.slice(0, -2), ...events.slice(-2).toReversed()]),
  served("late", "adds an event behind the end of the boot", (events) => [
    ...events,
    { ...events.find(({ event }) => event === "compose-hash"), event_payload: "00".repeat(32) },
  ]),
  served("digest", "changes a digest", (events) => [{ ...events[0], digest: "00".repeat(48) }, ...events.slice(1)]),
  served(
    "digest-stripped",
    "gives an event another payload and takes its digest away",
    edit("compose-hash", (event) => ({ ...event, digest: "", event_payload: "00".repeat(32) })),
  ),
  served("empty", "serves a log without events", () => []),
];
