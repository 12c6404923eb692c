import { type ConformanceCase, FORGED } from "./case.ts";
import { errorBody, indexOfDone, indexOfField, indexOfFinish, writeChunk } from "./relayed-answer.ts";
import { onStream, whole } from "./stream-case.ts";

type Blocks = readonly string[];

const content = (blocks: Blocks, nth = 0) => indexOfField(blocks, "content", nth);

/** Points at which a stream can be cut. */
const CUTS: readonly (readonly [id: string, where: string, cut: (blocks: Blocks) => Blocks])[] = [
  ["before-all", "before its first byte", () => []],
  ["after-role", "behind the role", (blocks) => blocks.slice(0, 1)],
  ["after-reasoning", "between reasoning and content", (blocks) => blocks.slice(0, content(blocks))],
  ["within-event", "within an event", (blocks) => cutWithin(blocks, content(blocks, 1), 30)],
  ["within-envelope", "within an envelope", (blocks) => cutWithin(blocks, content(blocks, 1), 300)],
  ["before-blank-line", "before an event's blank line", (blocks) => cutWithin(blocks, content(blocks, 1), -1)],
  ["between-words", "between two chunks", (blocks) => blocks.slice(0, content(blocks, 1) + 1)],
  ["before-finish", "behind the last word", (blocks) => blocks.slice(0, indexOfFinish(blocks))],
  ["before-done", "behind the finish reason", (blocks) => blocks.slice(0, indexOfDone(blocks))],
  ["within-done", "within [DONE]", (blocks) => cutWithin(blocks, indexOfDone(blocks), 9)],
  ["after-done-line", "before the blank line of [DONE]", (blocks) => cutWithin(blocks, indexOfDone(blocks), -1)],
];

const ends = (
  id: string,
  cases: readonly string[],
  expected: ConformanceCase["expected"],
  title: string,
  change: (blocks: string[]) => Blocks,
) => onStream(`end/${id}`, cases, expected, title, change);

/** Streams that end where, or as, the enclave did not end them. */
export const endAttacks: readonly ConformanceCase[] = [
  ...CUTS.flatMap(([id, where, cut]) =>
    (["closed", "cut"] as const).map((ending): ConformanceCase => ({
      id: `end/${ending}-${id}`,
      cases: ["16", "30"],
      title: `${ending === "cut" ? "breaks the connection" : "ends the stream"} ${where}`,
      expected: "incomplete",
      misbehaviour: { answer: (answer) => ({ ...answer, blocks: cut(answer.blocks.map(String)), ending }) },
    })),
  ),
  ends("done-early", ["30"], "incomplete", "forges [DONE] in the middle", (blocks) => [
    ...blocks.slice(0, content(blocks, 1)),
    "data: [DONE]\n\n",
  ]),
  ends("done-at-once", ["30"], "incomplete", "sends nothing but [DONE]", () => ["data: [DONE]\n\n"]),
  ends("finish-early", ["30"], "unverified", "forges finish reason and [DONE] in the middle", (blocks) => [
    ...blocks.slice(0, content(blocks, 1)),
    ...blocks.slice(indexOfFinish(blocks)),
  ]),
  ends("finish-at-once", ["30"], "unverified", "leaves every word out", (blocks) => [
    ...blocks.slice(0, 1),
    ...blocks.slice(indexOfFinish(blocks)),
  ]),
  ends("done-withheld", ["30"], "incomplete", "withholds [DONE] and sends the receipt", (blocks) =>
    blocks.toSpliced(indexOfDone(blocks), 1),
  ),
  ends("done-in-comment", ["30"], "incomplete", "writes [DONE] as a comment", (blocks) =>
    blocks.with(indexOfDone(blocks), ": data: [DONE]\n\n"),
  ),
  ends("error-event", ["29"], "incomplete", "reports an error in the middle", (blocks) => [
    ...blocks.slice(0, content(blocks, 1)),
    writeChunk(errorBody(FORGED, "engine_failed")),
  ]),
  ends(
    "error-event-of-several-lines",
    ["29"],
    "incomplete",
    "reports an error whose text looks like the end of a proven answer",
    (blocks) => [
      ...blocks.slice(0, content(blocks, 1)),
      writeChunk(errorBody("over\n\n: bauta-outcome verified\n\ndata: [DONE]\n\n", "engine_failed")),
    ],
  ),
  ends("outcome-in-comment", ["30"], "incomplete", "says that the answer is verified, and leaves [DONE] out", (blocks) => [
    ...blocks.slice(0, indexOfDone(blocks)),
    ": bauta-outcome verified\n\n",
  ]),
  ends("error-event-then-done", ["29"], "incomplete", "reports an error and ends as if nothing had happened", (blocks) =>
    blocks.toSpliced(indexOfDone(blocks), 0, writeChunk(errorBody(FORGED, "engine_failed"))),
  ),
  ends("line-without-end", ["32"], "aborted", "sends a line that does not end", (blocks) => [
    ...blocks.slice(0, content(blocks)),
    `data: ${"0".repeat(2 * 1024 * 1024)}`,
  ]),
  ends("not-json", ["18"], "aborted", "sends an event that is not JSON", (blocks) =>
    blocks.toSpliced(content(blocks), 0, `data: ${FORGED}\n\n`),
  ),
  whole("end/not-utf8", ["26"], "aborted", "sends an event that is not UTF-8", (answer) => ({
    ...answer,
    blocks: answer.blocks.toSpliced(1, 0, Uint8Array.of(0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0xfe, 0x0a, 0x0a)),
  })),
];

function cutWithin(blocks: Blocks, index: number, characters: number): string[] {
  return [...blocks.slice(0, index), (blocks[index] ?? "").slice(0, characters)];
}
