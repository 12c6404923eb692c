import { randomBytes } from "node:crypto";
import { utf8 } from "@bauta/protocol";
import type { ConformanceCase } from "./case.ts";
import { FORGED } from "./case.ts";
import { FRAMES, onFrames, sealedFrames } from "./frames-case.ts";
import { contentOf, frameOf, turnBit } from "./sealed-frames.ts";

type Frames = readonly Uint8Array[];

const MIDDLE = 4;
/** Where in a frame a bit is turned. Its length's first byte makes it longer than any frame may be. */
const PARTS: Readonly<Record<string, number>> = { length: 0, ciphertext: 10, tag: -1 };
const PLACES: Readonly<Record<string, number>> = { first: 0, middle: MIDDLE, last: FRAMES - 1 };

const altered = (id: string, cases: readonly string[], title: string, change: Parameters<typeof onFrames>[4]) =>
  onFrames(`v2-frames/${id}`, cases, "aborted", title, change);
const at = (frames: Frames, index: number): Uint8Array => frames[index] ?? new Uint8Array();

/** Frames that the enclave did not seal so, or not in this place. */
export const frameAttacks: readonly ConformanceCase[] = [
  ...Object.entries(PLACES).flatMap(([place, index]) =>
    Object.entries(PARTS).map(([part, byte]) =>
      altered(`bit-in-${part}-of-${place}`, ["16"], `turns a bit in the ${part} of the ${place} frame`, (frames) =>
        frames.with(index, turnBit(at(frames, index), byte)),
      ),
    ),
  ),
  altered("shorter", ["16"], "gives a frame a shorter length", (frames) =>
    frames.with(MIDDLE, at(frames, MIDDLE).with(3, (at(frames, MIDDLE)[3] ?? 0) - 1)),
  ),
  altered("shorter-than-a-tag", ["16"], "sends a frame that is shorter than a tag", (frames) =>
    frames.toSpliced(MIDDLE, 0, frameOf(randomBytes(15))),
  ),
  altered("only-a-tag", ["16"], "sends a frame that holds nothing but a tag", (frames) =>
    frames.toSpliced(MIDDLE, 0, frameOf(randomBytes(16))),
  ),
  altered("endless", ["32"], "announces a frame of 4 GB", (frames) => frames.toSpliced(MIDDLE, 0, new Uint8Array(4).fill(0xff))),

  // Somebody else's
  ...Object.entries({ before: 0, among: MIDDLE, behind: FRAMES }).map(([where, index]) =>
    altered(`forged-${where}`, ["18"], `puts a frame of its own ${where} the enclave's`, (frames) =>
      frames.toSpliced(index, 0, frameOf(randomBytes(272))),
    ),
  ),
  altered("plaintext", ["19"], "puts plaintext into a frame", (frames) =>
    frames.with(MIDDLE, frameOf(utf8(`data: {"choices":[{"index":0,"delta":{"content":"${FORGED}"},"finish_reason":null}]}\n\n`))),
  ),
  altered("plaintext-between", ["19"], "puts a plaintext event between frames", (frames) =>
    frames.toSpliced(MIDDLE, 0, utf8(`data: {"choices":[{"index":0,"delta":{"content":"${FORGED}"},"finish_reason":null}]}\n\n`)),
  ),
  altered("reflected", ["17a"], "reflects the client's own request as a frame", (frames, { request }) => frames.with(MIDDLE, request.body)),
  altered("of-earlier-answer", ["18"], "puts a frame of another answer into its place", (frames, { genuine }) =>
    frames.with(MIDDLE, at(sealedFrames(genuine.earlierSealed.answer), MIDDLE)),
  ),

  // The enclave's own, in another order, number or form
  altered("swapped", ["18"], "swaps two frames", (frames) =>
    frames.with(MIDDLE, at(frames, MIDDLE + 1)).with(MIDDLE + 1, at(frames, MIDDLE)),
  ),
  altered("reversed", ["18"], "sends the frames from the last to the first", (frames) => frames.toReversed()),
  altered("repeated", ["18"], "repeats a frame", (frames) => frames.toSpliced(MIDDLE, 0, at(frames, MIDDLE))),
  altered("repeated-later", ["18"], "repeats an earlier frame", (frames) => frames.toSpliced(MIDDLE, 0, at(frames, 1))),
  altered("repeated-behind", ["18"], "sends the whole answer again behind its end", (frames) => [...frames, ...frames]),
  ...Object.entries({ first: 0, middle: MIDDLE, finish: FRAMES - 2 }).map(([place, index]) =>
    altered(`dropped-${place}`, ["18"], `drops the ${place === "finish" ? "frame with the finish reason" : `${place} frame`}`, (frames) =>
      frames.toSpliced(index, 1),
    ),
  ),
  altered("merged", ["18"], "merges two frames into one", (frames) =>
    frames.toSpliced(MIDDLE, 2, frameOf(contentOf(at(frames, MIDDLE)), contentOf(at(frames, MIDDLE + 1)))),
  ),
  altered("split", ["18"], "splits a frame in two", (frames) => {
    const content = contentOf(at(frames, MIDDLE));
    return frames.toSpliced(MIDDLE, 1, frameOf(content.subarray(0, 100)), frameOf(content.subarray(100)));
  }),
  // Skipped and not counted by whoever opens it, but not by the receipt.
  onFrames("v2-frames/empty-added", ["18"], "unverified", "adds a frame without content", (frames) =>
    frames.toSpliced(MIDDLE, 0, frameOf()),
  ),
];
