import type { BlockCoverage } from "./coverage.ts";
import type { ParserEntry } from "./parser-entry.ts";
import { createRandom, type Random } from "./random.ts";

/** An input that broke the rule: own error, in time, or nothing. */
export interface FuzzFinding {
  readonly entry: string;
  readonly problem: string;
  readonly input: Uint8Array;
}

export interface FuzzReport {
  readonly entry: string;
  readonly inputs: number;
  /** Inputs kept because they reached something new. */
  readonly corpus: number;
  readonly findings: readonly FuzzFinding[];
}

export interface FuzzOptions {
  readonly seed: number;
  readonly coverage: BlockCoverage;
  /** Asked before each batch. */
  readonly more: (inputs: number) => boolean;
  /** Told of each input before it runs: whoever watches from outside then knows which one hangs. */
  readonly before?: (input: Uint8Array) => void;
}

/** Inputs whose coverage is read together; only batches that found something are run again one by one. */
const BATCH = 48;
const MAX_INPUT_BYTES = 128 * 1024;
const MAX_FINDINGS = 8;

/** Mutates an entry's inputs, keeps those that reach new code, and collects what breaks the rule. */
export async function fuzz(entry: ParserEntry, { seed, coverage, more, before }: FuzzOptions): Promise<FuzzReport> {
  const random = createRandom(seed);
  const corpus = [...entry.seeds];
  const findings: FuzzFinding[] = [];
  const problems = new Set<string>();
  let inputs = 0;
  const execute = async (input: Uint8Array) => {
    before?.(input);
    inputs++;
    const problem = await findProblem(entry, input, entry.maxMs * WATCHED_FACTOR);
    // One of each kind is enough: the text without its numbers tells kinds apart.
    const kind = problem?.replaceAll(/\d+/g, "#");
    if (problem === undefined || kind === undefined || problems.has(kind)) return;
    problems.add(kind);
    findings.push({ entry: entry.name, problem, input });
  };
  for (const input of entry.seeds) await execute(input);
  coverage.keep(coverage.takeNew());
  while (more(inputs) && findings.length < MAX_FINDINGS) {
    const batch = Array.from({ length: BATCH }, () => nextInput(entry, corpus, random));
    for (const input of batch) await execute(input);
    const reached = coverage.takeNew();
    if (reached.length === 0) continue;
    for (const input of batch) {
      before?.(input);
      await findProblem(entry, input);
      const marks = coverage.takeNew();
      if (marks.length === 0) continue;
      coverage.keep(marks);
      corpus.push(input);
    }
    coverage.keep(reached);
  }
  return { entry: entry.name, inputs, corpus: corpus.length, findings };
}

function nextInput(entry: ParserEntry, corpus: readonly Uint8Array[], random: Random): Uint8Array {
  // Half of the time from the latest finds, which lead furthest in.
  const recent = Math.min(corpus.length, 16);
  const from = random.oneIn(2) ? corpus[corpus.length - 1 - random.below(recent)] : random.pick(corpus);
  let input = from ?? new Uint8Array();
  for (let rounds = random.pick([1, 1, 1, 2, 4]); rounds > 0; rounds--) {
    const mutated = entry.mutate(input, random, random.pick(corpus));
    if (mutated.length <= MAX_INPUT_BYTES) input = mutated;
  }
  return input;
}

/** Counting blocks slows code down. */
const WATCHED_FACTOR = 5;

/** @returns undefined when the input is parsed, or refused with one of the entry's own errors, in time */
export async function findProblem(entry: ParserEntry, input: Uint8Array, maxMs: number = entry.maxMs): Promise<string | undefined> {
  const started = process.cpuUsage();
  try {
    const outcome = entry.run(input);
    if (outcome instanceof Promise) await outcome;
  } catch (error) {
    if (!entry.ownErrors.some((own) => error instanceof own)) return `throws ${describe(error)}`;
    if ((error as Error).message.length > MAX_MESSAGE_CHARACTERS)
      return `throws a message of ${(error as Error).message.length} characters`;
  }
  let spentMs = cpuMsSince(started);
  // A first call compiles, and a busy machine collects garbage: what is slow is slow each time.
  for (let again = 0; spentMs > maxMs && again < 4; again++) spentMs = Math.min(spentMs, await time(entry, input));
  return spentMs > maxMs ? `takes ${Math.round(spentMs)} ms for ${input.length} bytes` : undefined;
}

/** Processor time, which other work on the machine does not change. */
function cpuMsSince(started: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}

const MAX_MESSAGE_CHARACTERS = 2048;

async function time(entry: ParserEntry, input: Uint8Array): Promise<number> {
  const started = process.cpuUsage();
  try {
    await entry.run(input);
  } catch {
    // Judged the first time.
  }
  return cpuMsSince(started);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `a ${typeof error}`;
  const [top = ""] = error.stack?.split("\n").filter((line) => line.startsWith("    at ")) ?? [];
  return `${error.name}: ${error.message.slice(0, 120)} ${top.trim()}`;
}
