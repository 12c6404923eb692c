import {
  absent,
  asObject,
  integer,
  type JsonObject,
  MAX_DOCUMENT_CHARACTERS,
  MAX_NAME_CHARACTERS,
  optional,
  parseIfText,
  quoteBytes,
  text,
} from "./answer-members.ts";
import { EvidenceError } from "./evidence-error.ts";
import type { ComposeManagerEvidence, DstackInfo, EventLogEntry, ManagerAction, ManagerValue } from "./evidence.ts";

/** Entries of an event log; recorded ones have about 30. */
const MAX_EVENTS = 1024;
/** Characters of one event's payload, two a byte. */
const MAX_EVENT_PAYLOAD_CHARACTERS = 128 * 1024;
/** Characters of all payloads of one log together. */
const MAX_EVENT_LOG_CHARACTERS = 2 * 1024 * 1024;
const MAX_COMPOSE_CHARACTERS = 1024 * 1024;
/** Entries of a compose manager's log; recorded ones have about 30. */
const MAX_ACTIONS = 4096;
const MAX_ACTION_MEMBERS = 32;
const MAX_SERVICES = 256;
/** Characters of all actions together. */
const MAX_ACTIONS_CHARACTERS = 1024 * 1024;

/**
 * Reads an event log, a list or a JSON text that holds one.
 * @returns undefined when there is none
 * @throws EvidenceError naming the member at fault
 */
export function parseEventLog(value: unknown, field: string): readonly EventLogEntry[] | undefined {
  if (absent(value) || value === "") return undefined;
  const entries = parseIfText(value, field);
  if (!Array.isArray(entries)) throw new EvidenceError(field, "must be a list of events");
  if (entries.length > MAX_EVENTS) throw new EvidenceError(field, `has ${entries.length} events, more than ${MAX_EVENTS}`);
  const log = entries.map((entry: unknown, index) => parseEvent(entry, `${field}[${index}]`));
  const characters = log.reduce((sum, { event_payload }) => sum + event_payload.length, 0);
  if (characters > MAX_EVENT_LOG_CHARACTERS) {
    throw new EvidenceError(field, `has ${characters} characters of payloads, more than ${MAX_EVENT_LOG_CHARACTERS}`);
  }
  return log;
}

function parseEvent(value: unknown, at: string): EventLogEntry {
  const body = asObject(value, at);
  return {
    imr: integer(body, "imr", at, 3),
    event_type: integer(body, "event_type", at, 0xffff_ffff),
    digest: text(body, "digest", MAX_NAME_CHARACTERS, `${at}.`) ?? "",
    event: text(body, "event", MAX_NAME_CHARACTERS, `${at}.`) ?? "",
    event_payload: text(body, "event_payload", MAX_EVENT_PAYLOAD_CHARACTERS, `${at}.`) ?? "",
  };
}

/**
 * Reads dstack's `info`, whose members lie partly in `tcb_info`.
 * @returns undefined when there is none
 * @throws EvidenceError naming the member at fault
 */
export function parseInfo(value: unknown): DstackInfo | undefined {
  if (absent(value) || value === "") return undefined;
  const body = asObject(parseIfText(value, "info"), "info");
  const tcbValue = body["tcb_info"];
  const tcb = absent(tcbValue) || tcbValue === "" ? {} : asObject(parseIfText(tcbValue, "info.tcb_info"), "info.tcb_info");
  const contradictions: string[] = [];
  const either = (name: string, maxCharacters: number) => {
    const outer = text(body, name, maxCharacters, "info.");
    const inner = text(tcb, name, maxCharacters, "info.tcb_info.");
    if (outer !== undefined && inner !== undefined && outer !== inner) contradictions.push(name);
    return outer ?? inner;
  };
  const members = {
    ...optional("app_id", either("app_id", MAX_NAME_CHARACTERS)),
    ...optional("app_name", either("app_name", MAX_NAME_CHARACTERS)),
    ...optional("instance_id", either("instance_id", MAX_NAME_CHARACTERS)),
    ...optional("device_id", either("device_id", MAX_NAME_CHARACTERS)),
    ...optional("compose_hash", either("compose_hash", MAX_NAME_CHARACTERS)),
    ...optional("os_image_hash", either("os_image_hash", MAX_NAME_CHARACTERS)),
    ...optional("key_provider_info", either("key_provider_info", MAX_DOCUMENT_CHARACTERS)),
    ...optional("vm_config", either("vm_config", MAX_DOCUMENT_CHARACTERS)),
    ...optional("mr_config", either("mr_config", MAX_DOCUMENT_CHARACTERS)),
    ...optional("app_compose", either("app_compose", MAX_COMPOSE_CHARACTERS)),
    ...optional("event_log", parseEventLog(tcb["event_log"], "info.tcb_info.event_log")),
  };
  return { ...members, ...(contradictions.length > 0 && { contradictions }) };
}

/**
 * Reads a compose manager's own attestation: a second quote of the same TD, over a log of what it started.
 * @returns undefined when there is none
 * @throws EvidenceError naming the member at fault
 */
export function parseComposeManager(value: unknown): ComposeManagerEvidence | undefined {
  if (absent(value) || value === "") return undefined;
  const field = "compose_manager_attestation";
  const body = asObject(parseIfText(value, field), field);
  const quote = quoteBytes(body, "quote", `${field}.`);
  // A manager that could not be reached is served as an object without a quote: nothing is claimed then.
  if (!quote) return undefined;
  return {
    quote,
    actions: parseActions(body["actions"], `${field}.actions`),
    ...optional("actionsHash", text(body, "actions_hash", MAX_NAME_CHARACTERS, `${field}.`)),
    ...optional("reportData", text(body, "report_data", MAX_NAME_CHARACTERS, `${field}.`)),
    ...optional("nonce", text(body, "nonce", MAX_NAME_CHARACTERS, `${field}.`)),
    ...optional("eventLog", parseEventLog(body["event_log"], `${field}.event_log`)),
  };
}

function parseActions(value: unknown, field: string): readonly ManagerAction[] {
  const entries = absent(value) ? [] : parseIfText(value, field);
  if (!Array.isArray(entries)) throw new EvidenceError(field, "must be a list of actions");
  if (entries.length > MAX_ACTIONS) throw new EvidenceError(field, `has ${entries.length} actions, more than ${MAX_ACTIONS}`);
  let characters = 0;
  return entries.map((entry: unknown, index) => {
    const at = `${field}[${index}]`;
    const action = parseAction(asObject(entry, at), at);
    characters += JSON.stringify(action).length;
    if (characters > MAX_ACTIONS_CHARACTERS) throw new EvidenceError(field, `has more than ${MAX_ACTIONS_CHARACTERS} characters`);
    return action;
  });
}

/** Keeps every member, also unknown ones: the hash in the quote covers them all. */
function parseAction(body: JsonObject, at: string): ManagerAction {
  const names = Object.keys(body);
  if (names.length > MAX_ACTION_MEMBERS) throw new EvidenceError(at, `has ${names.length} members, more than ${MAX_ACTION_MEMBERS}`);
  return Object.fromEntries(names.map((name) => [name, parseActionValue(body[name], at)]));
}

function parseActionValue(value: unknown, at: string): ManagerValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  // Larger and fractional numbers are written in different ways by different languages, so no hash could cover them.
  if (Number.isSafeInteger(value)) return value as number;
  if (Array.isArray(value) && value.length <= MAX_SERVICES && value.every((item) => typeof item === "string")) return value;
  throw new EvidenceError(at, `must hold texts and lists of at most ${MAX_SERVICES} texts only`);
}
