import type { CheckId } from "../result.ts";
import type { Verified } from "./collateral-cache.ts";
import { faultsOf } from "./judged.ts";
import { type JsonObject, readNumber, readTime } from "./json-shape.ts";

const MAX_EVALUATION_NUMBER = 0xffff_ffff;

/** When a piece of collateral holds, milliseconds since 1970, and its place among those of its kind. */
export interface Issue {
  readonly fromMs: number;
  readonly untilMs: number;
  /** TCB evaluation data number, or CRL number: what is issued later has no lower one. */
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

/** Says so when a piece is older than one that was seen before: a server may hand out an old one that is still valid. */
export function rollbackFaults({ key, value }: NamedPiece, remembered: (key: string) => bigint | undefined): string[] {
  const seen = remembered(key);
  return faultsOf([value !== undefined && seen !== undefined && value.number < seen, `its number is below ${seen}, seen before`]);
}
