import { HEADERS } from "@bauta/protocol";
import { untilReattested, withHeaders } from "./attack-request.ts";
import { sendTwice, untilResealed } from "./attack-sealed-request.ts";
import type { ConformanceCase, Misbehaviour } from "./case.ts";
import { TEE_MODEL } from "./genuine-side.ts";
import type { RelayedAnswer } from "./relayed-answer.ts";

const harmless = (
  id: string,
  cases: readonly string[],
  title: string,
  misbehaviour: Misbehaviour,
  more: Partial<ConformanceCase> = {},
): ConformanceCase => ({ id: `v2-harmless/${id}`, cases, title, protocol: 2, expected: "verified", misbehaviour, ...more });

const inPieces = (bytes: number) => ({
  answer(answer: RelayedAnswer): RelayedAnswer {
    const all = Buffer.concat(answer.blocks.map((block) => Buffer.from(block)));
    return { ...answer, blocks: Array.from({ length: Math.ceil(all.length / bytes) }, (_, i) => all.subarray(i * bytes, (i + 1) * bytes)) };
  },
});
const withAnswerHeaders = (change: (headers: RelayedAnswer["headers"]) => Record<string, string>): Misbehaviour => ({
  answer: (answer) => ({ ...answer, headers: change(answer.headers) }),
});

/** What a client must take of a server that seals whole bodies. */
export const sealedHarmlessCases: readonly ConformanceCase[] = [
  harmless("honest", [], "behaves", {}),
  harmless("tee-model", [], "serves a model whose name promises less", {}, { model: TEE_MODEL }),
  harmless("byte-by-byte", ["26"], "splits the answer at every byte", inPieces(1)),
  harmless("in-thirds", ["26"], "splits the answer within frames", inPieces(97)),
  harmless("at-once", ["26"], "sends the answer in one piece", inPieces(1 << 20)),
  harmless("broken-behind", ["30"], "breaks the connection behind the last frame", { answer: (answer) => ({ ...answer, ending: "cut" }) }),
  harmless("stale-key", ["22"], "says that nobody holds the model key, until the client attests anew", { request: untilReattested }),
  harmless("stale-body-key", ["22"], "says that the body is for another key, until the client attests anew", { request: untilResealed }),
  harmless("replayed", ["25"], "sends the request twice, of which the enclave refuses one", {
    request: async (request, exchange) => (await sendTwice(request, exchange))[0],
  }),
  harmless("model-key-removed", ["20"], "removes the key that it routes by", withHeaders({ [HEADERS.modelPublicKey]: undefined })),
  harmless(
    "other-type",
    ["19"],
    "calls the answer something else, which decides nothing",
    withAnswerHeaders((headers) => ({ ...headers, "content-type": "text/html" })),
  ),
  harmless(
    "request-id-removed",
    ["17d"],
    "removes the answer's name, which is sealed too",
    withAnswerHeaders(({ [HEADERS.requestId]: _id, ...headers }) => headers),
  ),
  harmless(
    "request-id-swapped",
    ["17d"],
    "gives the answer another name beside the sealed one",
    withAnswerHeaders((headers) => ({ ...headers, [HEADERS.requestId]: "chatcmpl-00000000000000000000000000000000" })),
  ),
];
