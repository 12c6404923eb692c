import { utf8 } from "@bauta/protocol";
import type { ConformanceCase } from "./case.ts";
import { FRAMES, onFrames, sealedFrames, streamFrames } from "./frames-case.ts";
import type { RelayedAnswer } from "./relayed-answer.ts";

const ENDINGS = ["closed", "cut"] as const;
const how = (ending: RelayedAnswer["ending"]) => (ending === "cut" ? "breaks the connection" : "ends the answer");
const DONE = utf8("data: [DONE]\n\n");

/** Where in a frame an answer ends: within the length, within the ciphertext, before the last byte of the tag. */
const WITHIN: readonly (readonly [where: string, bytes: number])[] = [
  ["length", 2],
  ["ciphertext", 40],
  ["tag", -1],
];

/** An answer that ends where the enclave did not end it. */
export const sealedEndAttacks: readonly ConformanceCase[] = [
  // A stream, between any two frames and within each of them
  ...ENDINGS.flatMap((ending) =>
    Array.from({ length: FRAMES }, (_, count): ConformanceCase => ({
      id: `v2-end/${ending}-after-${count}-frames`,
      cases: ["16", "30"],
      title: `${how(ending)} behind ${count} of ${FRAMES} frames`,
      protocol: 2,
      form: "stream",
      expected: "incomplete",
      misbehaviour: { answer: (answer) => ({ ...answer, blocks: streamFrames(answer).slice(0, count), ending }) },
    })),
  ),
  ...ENDINGS.flatMap((ending, shift) =>
    Array.from({ length: FRAMES }, (_, index): ConformanceCase => {
      const [where, bytes] = WITHIN[(index + shift) % WITHIN.length] as (typeof WITHIN)[number];
      return {
        id: `v2-end/${ending}-within-${where}-of-frame-${index}`,
        cases: ["16", "30"],
        title: `${how(ending)} within the ${where} of frame ${index}`,
        protocol: 2,
        form: "stream",
        expected: "incomplete",
        misbehaviour: {
          answer(answer) {
            const frames = streamFrames(answer);
            return { ...answer, blocks: [...frames.slice(0, index), (frames[index] as Uint8Array).subarray(0, bytes)], ending };
          },
        },
      };
    }),
  ),
  onFrames("v2-end/done-in-clear", ["30"], "aborted", "writes [DONE] outside the seal", (frames) => [...frames.slice(0, -1), DONE]),
  onFrames("v2-end/done-early-in-clear", ["30"], "aborted", "writes [DONE] outside the seal, in the middle", (frames) => [
    ...frames.slice(0, 4),
    DONE,
  ]),
  onFrames("v2-end/done-moved", ["30"], "aborted", "moves the frame with [DONE] to the middle", (frames) => [
    ...frames.slice(0, 4),
    ...frames.slice(-1),
  ]),
  onFrames("v2-end/half-a-frame-behind", ["30"], "aborted", "sends a part of a frame behind the last", (frames) => [
    ...frames,
    (frames[0] as Uint8Array).subarray(0, 20),
  ]),
  onFrames("v2-end/error-in-clear", ["29"], "aborted", "writes an error outside the seal", (frames) => [
    ...frames.slice(0, 4),
    utf8('data: {"error":{"message":"The inference engine failed to answer","code":"engine_failed"}}\n\n'),
  ]),

  // One JSON value
  ...ENDINGS.flatMap((ending) =>
    ([["nothing", 0], ...WITHIN] as const).map(([where, bytes]): ConformanceCase => ({
      id: `v2-end/whole-${ending}-${where === "nothing" ? "at-once" : `within-${where}`}`,
      cases: ["16", "30"],
      title: `${how(ending)} ${where === "nothing" ? "before its first byte" : `within the ${where} of the frame around its JSON`}`,
      protocol: 2,
      form: "whole",
      expected: "incomplete",
      misbehaviour: {
        answer(answer) {
          const [frame] = sealedFrames(answer);
          return { ...answer, blocks: frame ? [frame.subarray(0, bytes)] : [], ending };
        },
      },
    })),
  ),
];
