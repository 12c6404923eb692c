import { utf8 } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import type { AnswerReader } from "../answer.ts";
import { withHeadHint } from "./chunk-head.ts";

/** A reader that takes anything: only the hint is under test. */
const anything: AnswerReader<Uint8Array> = {
  awaits: "anything",
  ended: false,
  done: false,
  push: (bytes) => Promise.resolve([bytes]),
  end: () => ({
    complete: false,
    requestId: undefined,
    finishReason: undefined,
    usage: undefined,
    error: undefined,
    hashes: undefined,
    receipt: undefined,
  }),
};

async function hintOf(text: string, pieceBytes = Infinity) {
  const reader = withHeadHint(anything);
  const bytes = utf8(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) await reader.push(bytes.subarray(at, at + pieceBytes));
  return reader.hint;
}

describe("the hint in an answer's first chunk", () => {
  const stream = ': a comment\n\ndata: {"id":"chatcmpl-1","created":7}\n\ndata: {"id":"chatcmpl-2","created":8}\n\n';

  it.each([1, 2, 3, 5, 8, 13, 21, Infinity])("is that of the first, in pieces of %d bytes", async (pieceBytes) => {
    expect(await hintOf(stream, pieceBytes)).toEqual({ id: "chatcmpl-1", created: 7 });
  });

  it.each([
    "data: [DONE]\n\n",
    "data: {\n\n",
    "data: []\n\n",
    'data: {"id":"a b\\u001b[2J","created":"now"}\n\n',
    'data: {"id":7,"created":-1}\n\n',
    "data: unfinished",
    `data: ${"x".repeat(1024 * 1024 + 1)}`,
  ])("is none of a stream that begins otherwise (%#)", async (text) => {
    expect(await hintOf(text)).toEqual({ id: undefined, created: undefined });
  });
});
