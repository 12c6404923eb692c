import type { ConformanceCase, Exchange } from "./case.ts";
import type { RelayedAnswer } from "./relayed-answer.ts";

type Change = (blocks: string[], exchange: Exchange) => readonly string[] | Promise<readonly string[]>;

/** A case that changes the blocks of a genuine stream. */
export function onStream(
  id: string,
  cases: readonly string[],
  expected: ConformanceCase["expected"],
  title: string,
  change: Change,
): ConformanceCase {
  return { id, cases, title, expected, misbehaviour: { answer: (answer, exchange) => changeBlocks(answer, exchange, change) } };
}

async function changeBlocks(answer: RelayedAnswer, exchange: Exchange, change: Change): Promise<RelayedAnswer> {
  return { ...answer, blocks: await change(answer.blocks.map(String), exchange) };
}

/** A case that replaces a genuine answer as a whole. */
export function whole(
  id: string,
  cases: readonly string[],
  expected: ConformanceCase["expected"],
  title: string,
  answer: (answer: RelayedAnswer) => RelayedAnswer,
): ConformanceCase {
  return { id, cases, title, expected, misbehaviour: { answer } };
}
