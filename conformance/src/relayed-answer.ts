import { HEADERS } from "@bauta/protocol";
import { splitFrames } from "./sealed-frames.ts";

/** JSON as it came, not yet believed. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** An enclave's answer to a chat request, read whole, as a relay may write it to its client. */
export interface RelayedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The blocks of a stream, each with its blank line, or the frames of a sealed body; written one by one. */
  readonly blocks: readonly (string | Uint8Array)[];
  /** `cut`: the connection breaks instead of ending. */
  readonly ending: "closed" | "cut";
}

/** Reads an answer and takes it apart: a sealed body into its frames, a stream at its blank lines. */
export async function readAnswer(response: Response): Promise<RelayedAnswer> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const headers = Object.fromEntries(
    ["content-type", "cache-control", "retry-after", HEADERS.requestId, HEADERS.responseNonce].flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
  const blocks = HEADERS.responseNonce in headers ? splitFrames(bytes) : splitBlocks(new TextDecoder().decode(bytes));
  return { status: response.status, headers, blocks, ending: "closed" };
}

/** Text as blocks, each up to and including its blank line. */
export function splitBlocks(text: string): string[] {
  return text.split(/(?<=\n\n)/).filter((block) => block !== "");
}

export type DeltaField = "content" | "reasoning_content";
type Chunk = {
  choices?: ({ index: number; delta: Record<string, unknown>; finish_reason: unknown; [member: string]: unknown } | undefined)[];
  [member: string]: unknown;
};
export type Choice = NonNullable<NonNullable<Chunk["choices"]>[number]>;

/** The chunk in a block; undefined for comments, `[DONE]` and what is not JSON. */
export function parseChunk(block: string): Chunk | undefined {
  return block.startsWith("data: {") ? (JSON.parse(block.slice("data: ".length)) as Chunk) : undefined;
}

/** A chunk as a block. */
export function writeChunk(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

/** Where the nth block with this field stands. @throws where the genuine answer has none: a fault of the suite */
export function indexOfField(blocks: readonly string[], field: DeltaField, nth = 0): number {
  const found = blocks.flatMap((block, i) => (typeof parseChunk(block)?.choices?.[0]?.delta[field] === "string" ? [i] : []))[nth];
  if (found === undefined) throw new Error(`the answer has no ${field} chunk number ${nth}`);
  return found;
}

/** Where the block with the finish reason stands. */
export function indexOfFinish(blocks: readonly string[]): number {
  return blocks.findIndex((block) => typeof parseChunk(block)?.choices?.[0]?.finish_reason === "string");
}

/** Where `[DONE]` stands. */
export function indexOfDone(blocks: readonly string[]): number {
  return blocks.indexOf("data: [DONE]\n\n");
}

/** Changes the chunk of one block. */
export function editChunk(blocks: readonly string[], index: number, edit: (chunk: Chunk, choice: Choice) => void): string[] {
  const chunk = parseChunk(blocks[index] ?? "");
  const choice = chunk?.choices?.[0];
  if (!chunk || !choice) throw new Error(`block ${index} of the answer is no chunk`);
  edit(chunk, choice);
  return blocks.with(index, writeChunk(chunk));
}

/** An answer of the relay's own making. */
export function ownAnswer(contentType: string, blocks: readonly (string | Uint8Array)[], status = 200): RelayedAnswer {
  return { status, headers: { "content-type": contentType }, blocks, ending: "closed" };
}

export function isAnswer(value: object): value is RelayedAnswer {
  return "blocks" in value;
}

/** The documented error shape. */
export function errorBody(message: string, code: string): JsonObject {
  return { error: { message, type: "server_error", code, param: null } };
}
