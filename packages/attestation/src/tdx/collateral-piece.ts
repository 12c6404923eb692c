import type { CheckId } from "../result.ts";
import type { Verified } from "./collateral-cache.ts";
import { type JsonObject, readNumber, readTime } from "./json-shape.ts";

const MAX_EVALUATION_NUMBER = 0xffff_ffff;

/** When a piece of collateral holds, milliseconds since 1970, and its place among those of its kind. */
export interface Issue {
  readonly fromMs: number;
  readonly untilMs: number;
  /** TCB evaluation data number, or of a revocation list (date of issue in seconds) · 2³² + entries: what is issued later has no lower one. */
  readonly number: bigint;
}

/** What came of a piece: its value if its signature holds and it can be read, and all that is wrong with it at any time. */
export interface Piece<T> extends Verified {
  readonly value?: T;
}

/** A piece with the check that it has to pass. */
export interface NamedPiece extends Piece<Issue> {
  readonly id: CheckId;
  readonly what: string;
  /** What its number is remembered by. */
  readonly key: string;
}

/** Reads dates and number of a signed text. */
export function readIssue(body: JsonObject): Issue {
  return {
    fromMs: readTime(body, "issueDate"),
    untilMs: readTime(body, "nextUpdate"),
    number: BigInt(readNumber(body, "tcbEvaluationDataNumber", MAX_EVALUATION_NUMBER)),
  };
}

/**
 * Says so when a piece is older than one that was seen before: a server may hand out an old one that is still valid.
 * An older list with as many entries as the newest does no harm; evaluation numbers have no more than 32 bits.
 */
export function rollbackFaults({ value }: NamedPiece, seen: bigint = 0n): string[] {
  const { number = seen } = value ?? {};
  return number < seen && BigInt.asUintN(32, number ^ seen) > 0n ? ["it is older than one seen before"] : [];
}
