import type { ConformanceCase } from "./case.ts";
import { editChunk, indexOfField, indexOfFinish, parseChunk } from "./relayed-answer.ts";
import { onStream } from "./stream-case.ts";

type Blocks = readonly string[];

const content = (blocks: Blocks, nth = 0) => indexOfField(blocks, "content", nth);
const altered = (id: string, title: string, change: (blocks: string[]) => Blocks) =>
  onStream(`order/${id}`, ["18"], "unverified", title, change);

/** Genuine chunks in another order, number or form. */
export const orderAttacks: readonly ConformanceCase[] = [
  altered("drop-first", "drops the first words", (blocks) => blocks.toSpliced(content(blocks), 1)),
  altered("drop-middle", "drops words in the middle", (blocks) => blocks.toSpliced(content(blocks, 1), 1)),
  altered("drop-last", "drops the last words", (blocks) => blocks.toSpliced(content(blocks, 3), 1)),
  altered("drop-reasoning", "drops the reasoning", (blocks) =>
    blocks.filter((block) => parseChunk(block)?.choices?.[0]?.delta["reasoning_content"] === undefined),
  ),
  altered("repeat", "repeats a chunk", (blocks) => blocks.toSpliced(content(blocks), 0, blocks[content(blocks)] ?? "")),
  altered("reorder", "swaps two chunks", (blocks) => {
    const [a, b] = [content(blocks), content(blocks, 1)];
    return blocks.with(a, blocks[b] ?? "").with(b, blocks[a] ?? "");
  }),
  altered("merge", "drops a chunk and its receipt comment", (blocks) =>
    blocks.toSpliced(content(blocks, 2), 1).filter((block) => !block.startsWith(":")),
  ),
  altered("reserialised", "writes every chunk anew", (blocks) =>
    blocks.map((block) => {
      const chunk = parseChunk(block);
      return chunk ? `data: ${JSON.stringify(chunk, null, 1).replaceAll("\n", " ")}\n\n` : block;
    }),
  ),
  altered("keep-alive", "adds a keep-alive comment", (blocks) => blocks.toSpliced(2, 0, ": keep-alive\n\n")),
  altered("crlf", "changes the line ends", (blocks) => blocks.map((block) => block.replaceAll("\n", "\r\n"))),
  altered("byte-order-mark", "puts a byte order mark in front", (blocks) => blocks.with(0, `\ufeff${blocks[0] ?? ""}`)),
  altered("event-name", "names the events", (blocks) =>
    blocks.map((block) => (block.startsWith("data: {") ? `event: message\n${block}` : block)),
  ),
  altered("finish-reason", "says that the answer was cut for its length", (blocks) =>
    editChunk(blocks, indexOfFinish(blocks), (_chunk, choice) => void (choice.finish_reason = "length")),
  ),
  onStream("order/text-after-finish", ["18"], "aborted", "sends more words behind the finish reason", (blocks) =>
    blocks.toSpliced(indexOfFinish(blocks) + 1, 0, blocks[content(blocks)] ?? ""),
  ),
];
