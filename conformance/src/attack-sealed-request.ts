import { randomBytes } from "node:crypto";
import { HEADERS, KEY_CONFIG_PROBLEM, SIGNING_ALGORITHM, toHex, WIRE_ERRORS, type WireErrorCode } from "@bauta/protocol";
import { changeHeaders, refuse, STALE_KEY, untilReattested, withHeaders } from "./attack-request.ts";
import { type ConformanceCase, type Exchange, FORGED, type Misbehaviour, type RelayedRequest } from "./case.ts";
import { OTHER_MODEL } from "./genuine-side.ts";
import { errorBody, type JsonObject, ownAnswer, type RelayedAnswer } from "./relayed-answer.ts";
import { frameOf, turnBit } from "./sealed-frames.ts";

const attack = (
  id: string,
  cases: readonly string[],
  expected: ConformanceCase["expected"],
  title: string,
  misbehaviour: Misbehaviour,
): ConformanceCase => ({ id: `v2-request/${id}`, cases, title, protocol: 2, expected, misbehaviour });

const withBody = (change: (body: Uint8Array) => Uint8Array): Misbehaviour => ({
  request: (request) => ({ ...request, body: change(request.body) }),
});
/** The relay answers by an error of its own, which the enclave never gave. */
const errorOf = (id: string, status: number, body: JsonObject): ConformanceCase =>
  attack(`error-${id}`, ["17c"], "aborted", `answers by status ${status} of its own making: ${id.replaceAll("-", " ")}`, {
    request: () => refuse(status, body),
  });
const catalogued = (code: WireErrorCode): ConformanceCase =>
  errorOf(code.replaceAll("_", "-"), WIRE_ERRORS[code].status, errorBody(WIRE_ERRORS[code].message, code));

const STALE_BODY_KEY: JsonObject = {
  type: KEY_CONFIG_PROBLEM.type,
  title: WIRE_ERRORS.key_config.message,
  ...errorBody(WIRE_ERRORS.key_config.message, "key_config"),
};
const refuseBodyKey = (): RelayedAnswer => ownAnswer(KEY_CONFIG_PROBLEM.mediaType, [JSON.stringify(STALE_BODY_KEY)], 422);

/** Says that the enclave holds another key for bodies, until the client attests anew. */
export const untilResealed: NonNullable<Misbehaviour["request"]> = (request, { reattested }) => (reattested ? request : refuseBodyKey());

/** Sends a request to the enclave twice. @returns both answers; @throws when the enclave took it twice, a fault of its own */
export async function sendTwice(
  { headers, body }: RelayedRequest,
  { genuine }: Exchange,
): Promise<readonly [RelayedAnswer, RelayedAnswer]> {
  const first = await genuine.chat(headers, body);
  const second = await genuine.chat(headers, body);
  if (first.status !== 200 || second.status !== WIRE_ERRORS.body_replayed.status || !second.blocks.join("").includes("body_replayed"))
    throw new Error(`the enclave answered a request by ${first.status}, and its repetition by ${second.status}`);
  return [first, second];
}

/** What a relay does to a request that is sealed whole, before the enclave gets it. */
export const sealedRequestAttacks: readonly ConformanceCase[] = [
  // What stands beside the body
  attack(
    "encapsulated-key-swapped",
    ["17"],
    "aborted",
    "replaces the encapsulated key",
    withHeaders({ [HEADERS.encapsulatedKey]: toHex(randomBytes(32)) }),
  ),
  attack(
    "encapsulated-key-stripped",
    ["17", "20"],
    "aborted",
    "strips the encapsulated key",
    withHeaders({ [HEADERS.encapsulatedKey]: undefined }),
  ),
  attack("model-swapped", ["17"], "aborted", "asks a cheaper model", withHeaders({ [HEADERS.model]: OTHER_MODEL })),
  attack("model-stripped", ["17"], "aborted", "strips the model's name", withHeaders({ [HEADERS.model]: undefined })),
  attack("path-swapped", ["17"], "aborted", "asks for embeddings", { request: (request) => ({ ...request, path: "embeddings" }) }),
  attack("model-key-swapped", ["17", "22"], "aborted", "asks for an enclave that holds another key", {
    request: (request, { operator }) => changeHeaders(request, { [HEADERS.modelPublicKey]: toHex(operator.publicKey) }),
  }),
  attack("client-key-added", ["17", "20"], "aborted", "asks for an answer sealed to its own key, as version 1 has it", {
    request: (request, { operator }) =>
      changeHeaders(request, { [HEADERS.clientPublicKey]: toHex(operator.publicKey), [HEADERS.signingAlgorithm]: SIGNING_ALGORITHM }),
  }),
  attack(
    "nonce-swapped",
    ["17d"],
    "unverified",
    "replaces the nonce that the receipt is to repeat",
    withHeaders({ [HEADERS.nonce]: toHex(randomBytes(32)) }),
  ),
  attack(
    "nonce-removed",
    ["17d"],
    "unverified",
    "removes the nonce that the receipt is to repeat",
    withHeaders({ [HEADERS.nonce]: undefined }),
  ),

  // The body
  attack("own-request", ["17"], "aborted", "asks a question of its own instead", {
    request: (_request, { genuine }) => genuine.sealOwn(),
  }),
  attack("own-body", ["17"], "aborted", "puts a body of its own under the client's encapsulated key", {
    request: async ({ headers }, { genuine }) => ({ headers, body: (await genuine.sealOwn()).body }),
  }),
  attack(
    "bit-in-length",
    ["16"],
    "aborted",
    "turns a bit in the length of the frame",
    withBody((body) => turnBit(body, 3)),
  ),
  attack(
    "bit-in-ciphertext",
    ["16"],
    "aborted",
    "turns a bit in what is sealed",
    withBody((body) => turnBit(body, 40)),
  ),
  attack(
    "bit-in-tag",
    ["16"],
    "aborted",
    "turns a bit in the tag",
    withBody((body) => turnBit(body, -1)),
  ),
  attack(
    "cut",
    ["16"],
    "aborted",
    "cuts the last byte",
    withBody((body) => body.subarray(0, -1)),
  ),
  attack(
    "emptied",
    ["16"],
    "aborted",
    "sends no body at all",
    withBody(() => new Uint8Array()),
  ),
  attack(
    "frame-added",
    ["17"],
    "aborted",
    "adds a frame",
    withBody((body) => Buffer.concat([body, frameOf(randomBytes(64))])),
  ),
  attack(
    "empty-frame-added",
    ["17"],
    "unverified",
    "adds a frame without content, which the enclave skips",
    withBody((body) => Buffer.concat([body, frameOf()])),
  ),
  attack("replayed-for-error", ["25"], "aborted", "sends it twice, and hands on how the second was refused", {
    request: async (request, exchange) => (await sendTwice(request, exchange))[1],
  }),
  attack("redirected", ["14"], "aborted", "redirects the request elsewhere", {
    request: () => ({ status: 307, headers: { location: "/elsewhere/chat/completions" }, blocks: [], ending: "closed" }),
  }),

  // Errors that are no fact
  attack("stale-key-forever", ["22"], "aborted", "says again and again that nobody holds the model key", {
    request: () => refuse(421, STALE_KEY),
  }),
  attack("stale-body-key-forever", ["22"], "aborted", "says again and again that the body is for another key", { request: refuseBodyKey }),
  ...(["stale-key", "stale-body-key"] as const).flatMap((id) => {
    const request = id === "stale-key" ? untilReattested : untilResealed;
    const then = (how: string, title: string, attest: NonNullable<Misbehaviour["attest"]>) =>
      attack(`${id}-then-${how}`, ["17c", "22"], "refused", `says that the key is gone, then ${title}`, {
        request,
        attest: (genuine, asked, scene) => (asked.again ? attest(genuine, asked, scene) : genuine),
      });
    return [
      then("version-1", "leaves the keys statement out", ({ keys: _keys, keys_signature: _signature, ...rest }) => rest),
      then("old-evidence", "repeats old evidence", (_genuine, _asked, scene) => scene.genuine.earlierAttestation),
      then("old-statement", "repeats an old keys statement", (genuine, _asked, { genuine: { earlierAttestation } }) => ({
        ...genuine,
        keys: earlierAttestation["keys"],
        keys_signature: earlierAttestation["keys_signature"],
      })),
    ];
  }),
  ...(["body_not_opened", "body_replayed", "body_expired", "field_not_opened", "headers_required", "headers_incomplete"] as const).map(
    catalogued,
  ),
  ...(["streaming_required", "unsupported_media_type", "not_found", "rate_limited", "enclave_unreachable"] as const).map(catalogued),
  errorOf("version-1-only", 501, errorBody("sealed bodies are not supported: use version 1", "unsupported_version")),
  errorOf("with-text", 400, errorBody(FORGED, "binding_mismatch")),
  attack("error-with-frames", ["19"], "aborted", "gives the enclave's answer the status of an error", {
    answer: (answer) => ({ ...answer, status: 400 }),
  }),
];
