import type { ManagerAction } from "../../../packages/attestation/src/evidence/evidence.ts";
import type { VeniceCapture } from "../venice-capture.ts";
import { readVector } from "../vectors.ts";
import { answer, event, eventLogs, flipped, mutation, type Mutation, otherDigit, otherHex, strictPolicy } from "./mutation.ts";
import { QE_REPORT, REPORT, SIGNATURE } from "./quote-offsets.ts";
import { runtimeDigest } from "./runtime-events.ts";

/** The generator of secp256k1, which is the public key of the secret 1, and its address. */
const GENERATOR =
  "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
const GENERATOR_ADDRESS = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf";

const key = (name: string, edit: (evidence: VeniceCapture["evidence"]) => Partial<VeniceCapture["evidence"]>): Mutation =>
  mutation(name, "key.address-derived", ({ evidence }) => ({ evidence: { ...evidence, ...edit(evidence) } }));

const BINDING: readonly Mutation[] = [
  mutation("another nonce in the request", "nonce.bound", () => ({ nonce: { query: "11".repeat(32), sealed: true } }), {
    also: ["gpu.nonce"],
    why: "quote and GPUs sign the same nonce",
  }),
  mutation("a nonce that e2ee-* models do not take", "nonce.bound", () => ({ nonce: { query: "11".repeat(16), sealed: true } })),
  mutation("another nonce stated in the answer", "nonce.bound", ({ evidence }) => ({ evidence: { ...evidence, nonce: "11".repeat(32) } })),
  key("no key", () => ({ signingKey: "" })),
  key("a key off the curve", ({ signingKey }) => ({ signingKey: otherDigit(signingKey) })),
  key("a compressed key", ({ signingKey }) => ({ signingKey: `02${signingKey.slice(2, 66)}` })),
  key("another address stated", () => ({ signingAddress: GENERATOR_ADDRESS })),
  key("another key under the same address", () => ({ signingKey: GENERATOR })),
  mutation("another key with its own address", "key.bound-to-report-data", ({ evidence }) => ({
    evidence: { ...evidence, signingKey: GENERATOR, signingAddress: GENERATOR_ADDRESS },
  })),
  mutation("the TLS key asked for as well", "key.bound-to-report-data", ({ nonce }) => ({
    nonce: { ...nonce, tls: { spkiSha256: new Uint8Array(32) } },
  })),
  mutation("the compose manager's quote as the enclave's own", "key.bound-to-report-data", ({ evidence }) => ({
    evidence: { ...evidence, quote: evidence.composeManager?.quote ?? new Uint8Array() },
  })),
  mutation("a keys statement without a signature", "keys.signed", ({ evidence }) => ({ evidence: { ...evidence, keys: "{}" } })),
];

const log = (name: string, edit: Parameters<typeof eventLogs>[0], says?: RegExp): Mutation =>
  mutation(name, "eventlog.replay", eventLogs(edit), says && { says });
const NOT_OWN_DIGEST = /digest that is not that of its name and payload/;

const EVENT_LOG: readonly Mutation[] = [
  log("an event relabelled", (events) => (event(events, "mr-kms")["event"] = "app-id"), NOT_OWN_DIGEST),
  log("an event's payload edited", (events) => (event(events, "os-image-hash")["event_payload"] = otherHex(64)), NOT_OWN_DIGEST),
  log("an event's digest edited", (events) => (event(events, "storage-fs")["digest"] = otherHex(96)), NOT_OWN_DIGEST),
  log(
    "an event's payload edited and its digest made to fit",
    (events) => {
      const entry = event(events, "compose-hash");
      entry["event_payload"] = otherHex(64);
      entry["digest"] = runtimeDigest("compose-hash", otherHex(64));
    },
    /RTMR3/,
  ),
  log("a runtime event of another type", (events) => (event(events, "app-id")["event_type"] = 1), /not one of dstack's/),
  log("a runtime event duplicated", (events) => events.splice(23, 0, { ...events[22] }), /RTMR3/),
  log("two runtime events reordered", (events) => events.splice(21, 2, events[22] ?? {}, events[21] ?? {}), /RTMR3/),
  log("a runtime event dropped", (events) => events.splice(25, 1), /RTMR3/),
  log(
    "a late event appended",
    (events) => {
      const hash = otherHex(64);
      const digest = runtimeDigest("compose-hash", hash);
      events.push({ imr: 3, event_type: 0x0800_0001, digest, event: "compose-hash", event_payload: hash });
    },
    /RTMR3/,
  ),
  log("a firmware event's digest edited", (events) => (events[0]!["digest"] = otherHex(96)), /RTMR0/),
  log("a firmware event dropped", (events) => events.splice(11, 1), /RTMR1/),
  log("a firmware event said to be of another register", (events) => (events[16]!["imr"] = 1), /RTMR1, RTMR2/),
  log("two firmware events reordered", (events) => events.splice(16, 2, events[17] ?? {}, events[16] ?? {}), /RTMR2/),
  log("a digest of the wrong length", (events) => (events[3]!["digest"] = "00".repeat(32)), /SHA-384/),
  log("a log without events", (events) => events.splice(0), /RTMR0, RTMR1, RTMR2, RTMR3/),
  mutation(
    "one of the answer's two logs edited",
    "eventlog.replay",
    answer((body) => (event(body["info"].tcb_info.event_log, "storage-fs")["event_payload"] = "65787434")),
    { says: /another one than the answer's/ },
  ),
  mutation(
    "another app id stated",
    "eventlog.replay",
    answer((body) => (body["info"].app_id = otherHex(40))),
    { says: /app_id/ },
  ),
  mutation(
    "another instance id stated",
    "eventlog.replay",
    answer((body) => (body["info"].instance_id = otherHex(40))),
    { says: /instance_id/ },
  ),
];

const DSTACK: readonly Mutation[] = [
  mutation(
    "the compose document edited by a byte",
    "dstack.compose-hash",
    answer(({ info }) => (info.tcb_info.app_compose = `${info.tcb_info.app_compose} `)),
    { says: /app_compose hashes to/ },
  ),
  mutation(
    "an image in the compose document swapped, and its hash stated",
    "dstack.compose-hash",
    answer(({ info }) => {
      info.tcb_info.app_compose = info.tcb_info.app_compose.replace("5556fb80", "5556fb81");
      delete info.compose_hash;
      delete info.tcb_info.compose_hash;
    }),
    { says: /MRCONFIGID commits to/ },
  ),
  mutation(
    "another compose hash stated",
    "dstack.compose-hash",
    answer(({ info }) => (info.compose_hash = info.tcb_info.compose_hash = otherHex(64))),
    { says: /answer's compose_hash/ },
  ),
  mutation(
    "two compose hashes stated",
    "dstack.compose-hash",
    answer(({ info }) => (info.compose_hash = otherHex(64))),
    { says: /two different values/ },
  ),
  mutation(
    "another OS image hash stated",
    "dstack.os-image",
    answer(({ info }) => (info.os_image_hash = info.tcb_info.os_image_hash = otherHex(64))),
  ),
  mutation(
    "two OS image hashes stated",
    "dstack.os-image",
    answer(({ info }) => (info.os_image_hash = otherHex(64))),
    { says: /two different values/ },
  ),
  mutation(
    "another key provider stated",
    "dstack.key-provider",
    answer(({ info }) => (info.key_provider_info = `{"name":"kms","id":"${otherHex(182)}"}`)),
  ),
];

const second = (
  name: string,
  edit: (manager: NonNullable<VeniceCapture["evidence"]["composeManager"]>) => object,
  says?: RegExp,
): Mutation =>
  mutation(
    name,
    "dstack.runtime-compose",
    ({ evidence }) => {
      const { composeManager } = evidence;
      if (!composeManager) throw new Error("the capture has no second quote");
      return { evidence: { ...evidence, composeManager: { ...composeManager, ...edit(composeManager) } } };
    },
    says && { says },
  );
const actions = (edit: (actions: ManagerAction[]) => unknown) => (manager: { readonly actions: readonly ManagerAction[] }) => {
  const copy = structuredClone(manager.actions) as ManagerAction[];
  edit(copy);
  return { actions: copy };
};
/** Genuine, of the same family and up to date. */
const OTHER_QUOTE = "tdx/quotes/v5-google.bin";
const OTHER_ACTIONS = /binds other actions/;

const SECOND_QUOTE: readonly Mutation[] = [
  second("a bit of the second quote's report", ({ quote }) => ({ quote: flipped(quote, REPORT + 136) }), /tdx\.quote-signature/),
  second("a bit of the second quote's signature", ({ quote }) => ({ quote: flipped(quote, SIGNATURE) }), /tdx\.quote-signature/),
  second("a bit of the second quote's QE report", ({ quote }) => ({ quote: flipped(quote, QE_REPORT + 128) }), /tdx\.qe-report-signature/),
  second("the second quote cut short", ({ quote }) => ({ quote: quote.slice(0, 700) }), /tdx\.parse/),
  second("a quote of another machine as the second", () => ({ quote: readVector(OTHER_QUOTE) }), /of another TD/),
  mutation("the enclave's own quote as the second", "dstack.runtime-compose", ({ evidence }) => ({
    evidence: { ...evidence, composeManager: { ...evidence.composeManager!, quote: evidence.quote } },
  })),
  second(
    "an action edited",
    actions((list) => (list[0] = { ...list[0], tag: "v9.9.9" })),
    OTHER_ACTIONS,
  ),
  second(
    "an action dropped",
    actions((list) => list.pop()),
    OTHER_ACTIONS,
  ),
  second(
    "an action added",
    actions((list) => list.push({ ...list[0] })),
    OTHER_ACTIONS,
  ),
  second(
    "two actions reordered",
    actions((list) => list.splice(0, 2, list[1] ?? {}, list[0] ?? {})),
    OTHER_ACTIONS,
  ),
  second("all actions dropped", () => ({ actions: [] }), OTHER_ACTIONS),
  second("another hash of the actions stated", () => ({ actionsHash: otherHex(64) }), /actions_hash/),
  second("another report data stated", () => ({ reportData: otherHex(128) }), /report_data/),
  second("another nonce stated beside the second quote", () => ({ nonce: otherHex(64) }), /another nonce/),
  second("an event of the second quote's log edited", ({ eventLog }) => ({ eventLog: eventLog?.slice(1) }), /event log/),
];

const PINNED: readonly Mutation[] = [
  ...(["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] as const).map((register) =>
    mutation(`a build with another ${register.toUpperCase()}`, `measure.${register}`, () => ({
      policy: strictPolicy({ [register]: otherHex(96) }),
    })),
  ),
  mutation("a build with another compose document", "dstack.compose-hash", () => ({
    policy: strictPolicy({ compose_hash: otherHex(64) }),
  })),
  mutation("a build with another OS image", "dstack.os-image", () => ({ policy: strictPolicy({ os_image_hash: otherHex(64) }) })),
  mutation("a build with another key provider", "dstack.key-provider", () => ({ policy: strictPolicy({ key_provider: "local-sgx" }) })),
];

/** What the answer says, its event log, its compose document and its second quote changed; and the reference values. */
export const ANSWER_MUTATIONS: readonly Mutation[] = [...BINDING, ...EVENT_LOG, ...DSTACK, ...SECOND_QUOTE, ...PINNED];
