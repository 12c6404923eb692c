import { Session } from "node:inspector";

/** Which blocks of code have run, as V8 counts them. */
export interface BlockCoverage {
  /** What ran since the last call and is not kept yet: a block, and how often in powers of two. */
  takeNew(): readonly string[];
  /** From now on these are not new. */
  keep(marks: Iterable<string>): void;
  /** Marks that were kept. */
  readonly size: number;
  stop(): void;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly { startOffset: number; endOffset: number; count: number }[] }[];
}

/**
 * Counts blocks of the scripts whose URL matches.
 * @see https://chromedevtools.github.io/devtools-protocol/v8/Profiler/
 */
export function watchCoverage(scripts: RegExp): BlockCoverage {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  const kept = new Set<string>();
  return {
    takeNew() {
      const marks: string[] = [];
      // The in-process session answers before post() returns.
      session.post("Profiler.takePreciseCoverage", (error, { result }: { result: readonly ScriptCoverage[] }) => {
        if (error) throw error;
        for (const { url, functions } of result) {
          if (!scripts.test(url)) continue;
          for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
            if (count === 0) continue;
            const mark = `${url}:${startOffset}-${endOffset}:${Math.min(8, Math.floor(Math.log2(count)))}`;
            if (!kept.has(mark)) marks.push(mark);
          }
        }
      });
      return marks;
    },
    keep(marks) {
      for (const mark of marks) kept.add(mark);
    },
    get size() {
      return kept.size;
    },
    stop() {
      session.post("Profiler.stopPreciseCoverage");
      session.disconnect();
    },
  };
}
