import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { collectCorpus } from "./corpus.ts";
import { watchCoverage } from "./coverage.ts";
import { fuzz, type FuzzFinding, type FuzzReport } from "./fuzz-loop.ts";
import { parserEntries } from "./parser-entries.ts";

/** Without a sign of life for so long, an input hangs. */
const HANG_MS = 10_000;
/** More heap than this for inputs of half a megabyte is a fault. */
const MAX_HEAP_MB = 384;
const MAX_INPUT_BYTES = 1024 * 1024;

interface Slice {
  readonly entry: string;
  readonly seconds: number;
  readonly seed: number;
  /** Two counters, then the input that runs. */
  readonly shared: SharedArrayBuffer;
}

const folder = fileURLToPath(new URL("findings/", import.meta.url));

/** Gives each parser its share of the time, in a thread that can be ended when an input hangs. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { seconds: { type: "string", default: "60" }, seed: { type: "string" }, only: { type: "string" } },
  });
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  const names = parserEntries(await collectCorpus({ recorded: true })).map(({ name }) => name);
  const chosen = names.filter((name) => values.only === undefined || name === values.only);
  if (chosen.length === 0) {
    console.error(`fuzz: no parser is called "${values.only}"; there are: ${names.join(", ")}`);
    return 2;
  }
  console.log(`fuzz: ${values.seconds} s over ${chosen.length} parsers, seed ${seed}`);
  let found = 0;
  for (const [index, entry] of chosen.entries()) {
    const seconds = Number(values.seconds) / chosen.length;
    const findings = await runSlice({ entry, seconds, seed: seed + index, shared: new SharedArrayBuffer(8 + MAX_INPUT_BYTES) });
    found += findings.length;
    for (const finding of findings) console.log(`  ${finding.entry}: ${finding.problem}\n    ${save(finding)}`);
  }
  console.log(found === 0 ? "fuzz: nothing found" : `fuzz: ${found} findings`);
  return found === 0 ? 0 : 1;
}

async function runSlice(slice: Slice): Promise<readonly FuzzFinding[]> {
  const counters = new Int32Array(slice.shared, 0, 2);
  const worker = new Worker(new URL(import.meta.url), {
    workerData: slice,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  const lost = (problem: string): FuzzFinding[] => [
    { entry: slice.entry, problem, input: new Uint8Array(slice.shared).slice(8, 8 + (counters[1] ?? 0)) },
  ];
  return new Promise((resolve) => {
    let last = -1;
    const watch = setInterval(() => {
      const now = Atomics.load(counters, 0);
      if (now === last && now > 0) end(lost(`runs for more than ${HANG_MS / 1000} s`));
      last = now;
    }, HANG_MS);
    const end = (findings: readonly FuzzFinding[]) => {
      clearInterval(watch);
      void worker.terminate();
      resolve(findings);
    };
    worker.once("message", ({ inputs, corpus, findings, blocks }: FuzzReport & { blocks: number }) => {
      console.log(`  ${slice.entry}: ${inputs} inputs, ${corpus} kept, ${blocks} marks of coverage`);
      end(findings);
    });
    worker.once("error", (error) => end(lost(`ends the thread: ${error.message}`)));
  });
}

async function runHere({ entry: name, seconds, seed, shared }: Slice): Promise<void> {
  const entry = parserEntries(await collectCorpus({ recorded: true })).find((each) => each.name === name);
  if (!entry) throw new Error(`no parser is called "${name}"`);
  const counters = new Int32Array(shared, 0, 2);
  const window = new Uint8Array(shared, 8);
  const coverage = watchCoverage(/long-run\.mjs$/);
  const end = performance.now() + seconds * 1000;
  const report = await fuzz(entry, {
    seed,
    coverage,
    more: () => performance.now() < end,
    before(input) {
      window.set(input.subarray(0, window.length));
      counters[1] = Math.min(input.length, window.length);
      Atomics.add(counters, 0, 1);
    },
  });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage({ ...report, blocks: coverage.size });
}

function save({ entry, input }: FuzzFinding): string {
  mkdirSync(folder, { recursive: true });
  const path = `${folder}${entry.replaceAll(" ", "-")}-${createHash("sha256").update(input).digest("hex").slice(0, 12)}`;
  writeFileSync(path, input);
  return path;
}

if (!isMainThread) await runHere(workerData as Slice);
