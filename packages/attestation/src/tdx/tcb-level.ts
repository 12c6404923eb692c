import { asObject, asText, type JsonObject, readList, readNumber, readTime } from "./json-shape.ts";

const MAX_ADVISORIES = 256;
const MAX_ISV_LEVELS = 256;
const ADVISORIES = "advisoryIDs";

/** What Intel says of a level; the status is its own word, which the appraisal may not know. */
export interface TcbVerdict {
  readonly status: string;
  /** When Intel assessed the level, milliseconds since 1970. */
  readonly dateMs: number;
  readonly advisories: readonly string[];
}

/** A level of an enclave or of the TDX module, which have one security version each. */
export interface IsvLevel extends TcbVerdict {
  readonly isvSvn: number;
}

/** Reads status, date and advisories of a level. */
export function readVerdict(level: JsonObject): TcbVerdict {
  const read = (entry: unknown) => asText(entry, ADVISORIES);
  return {
    status: asText(level["tcbStatus"], "tcbStatus"),
    dateMs: readTime(level, "tcbDate"),
    advisories: level[ADVISORIES] === undefined ? [] : readList(level, ADVISORIES, MAX_ADVISORIES, read),
  };
}

/** Reads the levels of an enclave or a module, the highest first, whatever their order in the text. */
export function readIsvLevels(from: JsonObject, maxSvn: number): IsvLevel[] {
  const levels = readList(from, "tcbLevels", MAX_ISV_LEVELS, (entry) => {
    const level = asObject(entry, "tcbLevels");
    return { isvSvn: readNumber(asObject(level["tcb"], "tcb"), "isvsvn", maxSvn), ...readVerdict(level) };
  });
  return levels.sort((a, b) => b.isvSvn - a.isvSvn);
}

/** The highest level that a security version reaches. */
export function reachIsvLevel(levels: readonly IsvLevel[], isvSvn: number): IsvLevel | undefined {
  return levels.find((level) => isvSvn >= level.isvSvn);
}
