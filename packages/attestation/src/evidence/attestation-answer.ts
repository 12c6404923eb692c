import { LIMITS, parseBase64, parseHex } from "@bauta/protocol";
import { COLLATERAL_MEMBERS, type Collateral, type DstackInfo, type EventLogEntry, type Evidence } from "./evidence.ts";

/** Entries of an event log; recorded ones have about 30. */
const MAX_EVENTS = 4096;
/** Characters of one event's payload, two a byte. */
const MAX_EVENT_PAYLOAD_CHARACTERS = 128 * 1024;
const MAX_COMPOSE_CHARACTERS = 1024 * 1024;
const MAX_COLLATERAL_MEMBER_CHARACTERS = 2 * 1024 * 1024;
const MAX_NAME_CHARACTERS = 1024;
const MAX_DOCUMENT_CHARACTERS = 64 * 1024;

/** An attestation answer that cannot be read as evidence. */
export class EvidenceError extends Error {
  override readonly name = "EvidenceError";
  readonly code = "evidence_malformed";
  readonly action = "stop";
  /** The member of the answer at fault. */
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`attestation answer: ${field}: ${problem}`);
    this.field = field;
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads the parsed JSON of `GET /tee/attestation`. The quote may be base64 or hex; the event log and dstack's `tcb_info`
 * may be JSON or JSON texts, since servers differ. Members that are not known are ignored.
 * @param answer the parsed JSON; its reader bounds the text at {@link LIMITS.attestationAnswerBytes}
 * @throws EvidenceError naming the member at fault
 * @see spec/protocol.md, "Attestation"
 */
export function parseAttestationAnswer(answer: unknown): Evidence {
  const body = asObject(answer, "(whole)");
  const signingKey = text(body, "signing_key", MAX_NAME_CHARACTERS) ?? text(body, "signing_public_key", MAX_NAME_CHARACTERS) ?? "";
  const verified = body["verified"];
  return {
    quote: parseQuoteText(body),
    signingKey,
    ...optional("signingAddress", text(body, "signing_address", MAX_NAME_CHARACTERS)),
    ...optional("nonce", text(body, "nonce", MAX_NAME_CHARACTERS)),
    ...optional("model", text(body, "model", MAX_NAME_CHARACTERS)),
    ...optional("verified", typeof verified === "boolean" ? verified : undefined),
    ...optional("teeProvider", text(body, "tee_provider", MAX_NAME_CHARACTERS)),
    ...optional("teeHardware", text(body, "tee_hardware", MAX_NAME_CHARACTERS)),
    ...optional("eventLog", parseEventLog(body["event_log"])),
    ...optional("info", parseInfo(body["info"])),
    ...optional("nvidiaPayload", parseNvidiaPayload(body["nvidia_payload"])),
    ...optional("endorsements", parseCollateral(body["endorsements"])),
  };
}

/**
 * Reads collateral in the common JSON shape.
 * @returns undefined when there is none
 * @throws EvidenceError naming the member at fault
 */
export function parseCollateral(value: unknown): Collateral | undefined {
  if (absent(value)) return undefined;
  const body = asObject(value, "endorsements");
  const members = COLLATERAL_MEMBERS.map((name) => {
    const member = text(body, name, MAX_COLLATERAL_MEMBER_CHARACTERS, "endorsements.");
    if (member === undefined) throw new EvidenceError(`endorsements.${name}`, "is missing");
    return [name, member] as const;
  });
  return Object.fromEntries(members) as unknown as Collateral;
}

function parseQuoteText(body: JsonObject): Uint8Array {
  const served = text(body, "intel_quote", LIMITS.quoteBytes * 2 + 2);
  if (!served) throw new EvidenceError("intel_quote", "is missing: nothing shows that an enclave answered");
  const digits = served.startsWith("0x") ? served.slice(2) : served;
  // A quote's first bytes hold letters beyond f in base64 (BAACAIEA…), so the two cannot be confused.
  const quote = parseHex(digits, LIMITS.quoteBytes) ?? parseBase64(served, LIMITS.quoteBytes);
  if (!quote) throw new EvidenceError("intel_quote", `is neither hex nor base64 of at most ${LIMITS.quoteBytes} bytes`);
  return quote;
}

function parseEventLog(value: unknown): readonly EventLogEntry[] | undefined {
  if (absent(value) || value === "") return undefined;
  const entries = parseIfText(value, "event_log");
  if (!Array.isArray(entries)) throw new EvidenceError("event_log", "must be a list of events");
  if (entries.length > MAX_EVENTS) throw new EvidenceError("event_log", `has ${entries.length} events, more than ${MAX_EVENTS}`);
  return entries.map((entry: unknown, index) => parseEvent(entry, `event_log[${index}]`));
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

function parseInfo(value: unknown): DstackInfo | undefined {
  if (absent(value) || value === "") return undefined;
  const body = asObject(parseIfText(value, "info"), "info");
  const tcbValue = body["tcb_info"];
  const tcb = absent(tcbValue) || tcbValue === "" ? {} : asObject(parseIfText(tcbValue, "info.tcb_info"), "info.tcb_info");
  const either = (name: string, maxCharacters: number) =>
    text(body, name, maxCharacters, "info.") ?? text(tcb, name, maxCharacters, "info.tcb_info.");
  return {
    ...optional("app_id", either("app_id", MAX_NAME_CHARACTERS)),
    ...optional("app_name", either("app_name", MAX_NAME_CHARACTERS)),
    ...optional("instance_id", either("instance_id", MAX_NAME_CHARACTERS)),
    ...optional("device_id", either("device_id", MAX_NAME_CHARACTERS)),
    ...optional("compose_hash", either("compose_hash", MAX_NAME_CHARACTERS)),
    ...optional("os_image_hash", either("os_image_hash", MAX_NAME_CHARACTERS)),
    ...optional("key_provider_info", either("key_provider_info", MAX_DOCUMENT_CHARACTERS)),
    ...optional("vm_config", either("vm_config", MAX_DOCUMENT_CHARACTERS)),
    ...optional("app_compose", either("app_compose", MAX_COMPOSE_CHARACTERS)),
  };
}

function parseNvidiaPayload(value: unknown): string | undefined {
  if (absent(value) || value === "") return undefined;
  if (typeof value !== "string") throw new EvidenceError("nvidia_payload", "must be a JSON text");
  if (value.length > LIMITS.attestationAnswerBytes) throw new EvidenceError("nvidia_payload", "is too long");
  return value;
}

function parseIfText(value: unknown, field: string): unknown {
  if (typeof value !== "string") return value;
  if (value.length > LIMITS.attestationAnswerBytes) throw new EvidenceError(field, "is too long");
  try {
    return JSON.parse(value);
  } catch {
    throw new EvidenceError(field, "is a text that is not JSON");
  }
}

function asObject(value: unknown, field: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new EvidenceError(field, "must be a JSON object");
  return value as JsonObject;
}

function text(body: JsonObject, name: string, maxCharacters: number, prefix = ""): string | undefined {
  const value = Object.hasOwn(body, name) ? body[name] : undefined;
  if (absent(value)) return undefined;
  if (typeof value !== "string") throw new EvidenceError(prefix + name, "must be a string");
  if (value.length > maxCharacters) throw new EvidenceError(prefix + name, `has ${value.length} characters, more than ${maxCharacters}`);
  return value;
}

function integer(body: JsonObject, name: string, at: string, max: number): number {
  const value = body[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) {
    throw new EvidenceError(`${at}.${name}`, `must be an integer from 0 to ${max}`);
  }
  return value;
}

function absent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

function optional<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };
}
