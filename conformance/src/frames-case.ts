import { HEADERS } from "@bauta/protocol";
import type { ConformanceCase, Exchange } from "./case.ts";
import { HONEST_CONTENT, HONEST_REASONING } from "./genuine-side.ts";
import type { RelayedAnswer } from "./relayed-answer.ts";

/** Frames of the honest answer as a stream: the role, each piece of text, the finish reason, and `[DONE]`. */
export const FRAMES = 1 + HONEST_REASONING.length + HONEST_CONTENT.length + 2;

type Change = (frames: readonly Uint8Array[], exchange: Exchange) => readonly Uint8Array[];

/** A case that changes the frames of a streamed answer. */
export function onFrames(
  id: string,
  cases: readonly string[],
  expected: ConformanceCase["expected"],
  title: string,
  change: Change,
): ConformanceCase {
  return {
    id,
    cases,
    title,
    expected,
    protocol: 2,
    form: "stream",
    misbehaviour: { answer: (answer, exchange) => ({ ...answer, blocks: change(streamFrames(answer), exchange) }) },
  };
}

/** The frames of a streamed answer. @throws where it is another than the honest one: a fault of the suite */
export function streamFrames(answer: RelayedAnswer): readonly Uint8Array[] {
  const frames = sealedFrames(answer);
  if (frames.length !== FRAMES) throw new Error(`the answer has ${frames.length} frames, and not ${FRAMES}`);
  return frames;
}

/** The frames of any sealed answer. @throws where it is not sealed: a fault of the suite */
export function sealedFrames({ headers, blocks }: RelayedAnswer): readonly Uint8Array[] {
  if (!(HEADERS.responseNonce in headers)) throw new Error("the genuine answer is not sealed");
  return blocks.map((block) => (typeof block === "string" ? Buffer.from(block) : block));
}
