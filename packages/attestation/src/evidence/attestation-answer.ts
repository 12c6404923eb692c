import { LIMITS } from "@bauta/protocol";
import type { Collateral } from "../collateral/collateral.ts";
import { CollateralError } from "../collateral/collateral-error.ts";
import { parseCollateral } from "../collateral/parse-collateral.ts";
import { absent, asObject, MAX_DOCUMENT_CHARACTERS, MAX_NAME_CHARACTERS, optional, quoteBytes, text } from "./answer-members.ts";
import { parseComposeManager, parseEventLog, parseInfo } from "./dstack-answer.ts";
import { EvidenceError } from "./evidence-error.ts";
import type { Evidence } from "./evidence.ts";
import { parseGpuEndorsements } from "./gpu-endorsements-answer.ts";
import { recogniseAnswer } from "./recognise-answer.ts";

export { EvidenceError } from "./evidence-error.ts";

/**
 * Reads the parsed JSON of `GET /tee/attestation`. The quote may be base64 or hex; the event log and dstack's `tcb_info`
 * may be JSON or JSON texts, since servers differ. Members that are not known are ignored.
 * @param answer the parsed JSON; its reader bounds the text at {@link LIMITS.attestationAnswerBytes}
 * @throws EvidenceError naming the member at fault
 * @see spec/protocol.md, "Attestation"
 */
export function parseAttestationAnswer(answer: unknown): Evidence {
  if (Array.isArray(answer) && recogniseAnswer(answer) !== undefined) assertQuote(undefined, answer);
  const body = asObject(answer, "(whole)");
  const quote = assertQuote(quoteBytes(body, "intel_quote"), answer);
  const signingKey = text(body, "signing_key", MAX_NAME_CHARACTERS) ?? text(body, "signing_public_key", MAX_NAME_CHARACTERS) ?? "";
  const verified = body["verified"];
  const info = parseInfo(body["info"]);
  return {
    quote,
    signingKey,
    ...optional("signingAddress", text(body, "signing_address", MAX_NAME_CHARACTERS)),
    ...optional("nonce", text(body, "nonce", MAX_NAME_CHARACTERS)),
    ...optional("model", text(body, "model", MAX_NAME_CHARACTERS)),
    ...optional("verified", typeof verified === "boolean" ? verified : undefined),
    ...optional("teeProvider", text(body, "tee_provider", MAX_NAME_CHARACTERS)),
    ...optional("teeHardware", text(body, "tee_hardware", MAX_NAME_CHARACTERS)),
    ...optional("eventLog", parseEventLog(body["event_log"], "event_log") ?? info?.event_log),
    ...optional("info", info),
    ...optional("composeManager", parseComposeManager(body["compose_manager_attestation"])),
    ...optional("keys", text(body, "keys", MAX_DOCUMENT_CHARACTERS)),
    ...optional("keysSignature", text(body, "keys_signature", MAX_NAME_CHARACTERS)),
    ...optional("nvidiaPayload", parseNvidiaPayload(body["nvidia_payload"])),
    ...optional("endorsements", parseEndorsements(body["endorsements"])),
    ...optional("gpuEndorsements", parseGpuEndorsements(body["gpu_endorsements"])),
  };
}

function parseEndorsements(value: unknown): Collateral | undefined {
  try {
    return parseCollateral(value);
  } catch (error) {
    if (!(error instanceof CollateralError)) throw error;
    throw new EvidenceError(error.field === "(whole)" ? "endorsements" : `endorsements.${error.field}`, error.problem);
  }
}

/** @throws EvidenceError that names the kind of the answer, where it is known */
function assertQuote(quote: Uint8Array | undefined, answer: unknown): Uint8Array {
  if (quote) return quote;
  const kind = recogniseAnswer(answer) ?? "nothing shows that an enclave answered";
  throw new EvidenceError("intel_quote", `is missing: ${kind}`);
}

function parseNvidiaPayload(value: unknown): string | undefined {
  if (absent(value) || value === "") return undefined;
  if (typeof value !== "string") throw new EvidenceError("nvidia_payload", "must be a JSON text");
  if (value.length > LIMITS.attestationAnswerBytes) throw new EvidenceError("nvidia_payload", "is too long");
  return value;
}
