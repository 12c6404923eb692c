import { randomBytes } from "node:crypto";
import { HEADERS, toHex } from "@bauta/protocol";
import { bodyAttacks } from "./attack-body.ts";
import { type ConformanceCase, type Exchange, FORGED } from "./case.ts";
import { sealedFrames } from "./frames-case.ts";
import { ownAnswer, type RelayedAnswer } from "./relayed-answer.ts";
import { frameOf, turnBit } from "./sealed-frames.ts";

const aborted = (
  id: string,
  cases: readonly string[],
  title: string,
  answer: (answer: RelayedAnswer, exchange: Exchange) => RelayedAnswer,
  more: Partial<ConformanceCase> = {},
): ConformanceCase => ({
  id: `v2-answer/${id}`,
  cases,
  title,
  protocol: 2,
  expected: "aborted",
  misbehaviour: { answer },
  ...more,
});
/** Another value of the header that the answer's keys are derived with. */
const nonce = (id: string, cases: readonly string[], title: string, change: (nonceHex: string, exchange: Exchange) => string | undefined) =>
  aborted(id, cases, title, (answer, exchange) => {
    const { [HEADERS.responseNonce]: genuine = "", ...headers } = answer.headers;
    const value = change(genuine, exchange);
    return { ...answer, headers: value === undefined ? headers : { ...headers, [HEADERS.responseNonce]: value } };
  });
const keepNonce = (answer: RelayedAnswer, genuine: RelayedAnswer): RelayedAnswer => ({
  ...answer,
  headers: { ...answer.headers, [HEADERS.responseNonce]: genuine.headers[HEADERS.responseNonce] ?? "" },
});

/** Bodies in plaintext, in whatever form, as other providers answer. */
const PLAINTEXT = bodyAttacks.filter(({ id }) =>
  [
    "body/plaintext-stream",
    "body/plaintext-completion",
    "body/completion-called-verified",
    "body/completion-as-stream",
    "body/web-page",
  ].includes(id),
);

/** Something else than the sealed answer to this request. */
export const sealedAnswerAttacks: readonly ConformanceCase[] = [
  nonce("nonce-stripped", ["19"], "strips the nonce that the answer is opened with", () => undefined),
  nonce("nonce-swapped", ["17"], "replaces the nonce that the answer is opened with", () => toHex(randomBytes(32))),
  nonce("nonce-of-earlier-answer", ["17"], "gives the nonce of another answer", (_genuine, { genuine: { earlierSealed } }) => {
    return earlierSealed.answer.headers[HEADERS.responseNonce];
  }),
  // A digit that has no capital would leave the value as it was.
  nonce("nonce-in-capitals", ["17"], "writes the nonce in capitals", (genuine) => `${genuine.slice(0, -1)}A`),
  nonce("nonce-cut", ["17"], "cuts the nonce", (genuine) => genuine.slice(0, -2)),
  nonce("nonce-empty", ["19"], "empties the nonce", () => ""),
  nonce("nonce-twice", ["17"], "gives the nonce twice", (genuine) => `${genuine}, ${genuine}`),
  aborted("earlier-answer", ["17", "18"], "gives the answer to another request", (_answer, { genuine }) => genuine.earlierSealed.answer),
  aborted("version-1", ["17c"], "gives an answer of version 1", (_answer, { genuine }) => genuine.earlier.answer),
  aborted("version-1-with-nonce", ["17c"], "gives an answer of version 1 under the nonce of a sealed one", (answer, { genuine }) =>
    keepNonce(genuine.earlier.answer, answer),
  ),
  ...PLAINTEXT.flatMap(({ id, title, misbehaviour }) => {
    const name = id.slice("body/".length);
    const change = misbehaviour.answer as (answer: RelayedAnswer) => RelayedAnswer;
    return [
      aborted(name, ["19"], title, change),
      aborted(`${name}-with-nonce`, ["19"], `${title}, under the nonce of a sealed answer`, (answer) => keepNonce(change(answer), answer)),
    ];
  }),
  aborted("no-content", ["19"], "answers without content", () => ({ status: 204, headers: {}, blocks: [], ending: "closed" })),
  aborted("error-with-text", ["19"], "answers an error whose text is an answer", () =>
    ownAnswer("application/json", [JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content: FORGED } }] })], 500),
  ),
  aborted("reflected", ["17a"], "reflects the client's own request as the answer", (answer, { request }) => ({
    ...answer,
    blocks: [request.body],
  })),

  // One JSON value, in one frame
  ...Object.entries({ length: 0, ciphertext: 10, tag: -1 }).map(([part, at]) =>
    aborted(
      `whole-bit-in-${part}`,
      ["16"],
      `turns a bit in the ${part} of the frame around the JSON`,
      (answer) => ({ ...answer, blocks: sealedFrames(answer).map((frame) => turnBit(frame, at)) }),
      { form: "whole" },
    ),
  ),
  aborted("whole-repeated", ["18"], "sends the frame twice", (answer) => ({ ...answer, blocks: [...answer.blocks, ...answer.blocks] }), {
    form: "whole",
  }),
  aborted(
    "whole-forged-behind",
    ["18"],
    "adds a frame of its own",
    (answer) => ({
      ...answer,
      blocks: [...answer.blocks, frameOf(randomBytes(64))],
    }),
    { form: "whole" },
  ),
  {
    ...aborted(
      "whole-empty-added",
      ["18"],
      "adds a frame without content",
      (answer) => ({ ...answer, blocks: [frameOf(), ...answer.blocks] }),
      {
        form: "whole",
      },
    ),
    expected: "unverified",
  },
];
