// Times methods beside each other in Node 20, Node 24 and headless Chromium, in one run: what the benchmarks of verifiers
// have in common. Each brings its methods, its input and its own table.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startChromium } from "./tdx-verifiers/chromium-runtime.mjs";
import { findNode, startNode } from "./tdx-verifiers/node-runtime.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The folder of recorded evidence, or the end of the program where it is not beside the checkout. */
export function recordedEvidence() {
  const vectors = here("../../shared/vectors/");
  if (!existsSync(vectors)) {
    console.error("bench: the recorded evidence is not at ../shared/vectors, beside the checkout");
    process.exit(2);
  }
  return vectors;
}

/**
 * @param file what the input is called under .cache/bench
 * @param bundle gives a method with its `path` for a target, `node` or `page`
 * @returns the runtimes, closed, and for `cold` and `warm` medians in milliseconds and ratios to another method
 */
export async function compareMethods({ methods, bundle, file, input, warmUp, callsPerRound, rounds, coldRounds }) {
  mkdirSync(here("../.cache/bench"), { recursive: true });
  const inputFile = here(`../.cache/bench/${file}`);
  writeFileSync(inputFile, JSON.stringify(input));
  const bundled = (target) => Promise.all(methods.map((each) => bundle(each, target)));
  const [forNode, forPage] = await Promise.all([bundled("node"), bundled("page")]);

  const runtimes = [];
  for (const version of ["20", "24"]) {
    const executable = findNode(version);
    if (executable) runtimes.push(await startNode(`Node ${version}`, executable, { inputFile, methods: forNode }));
    else console.error(`bench: no Node ${version} here, and npx could not bring one`);
  }
  const page = await startChromium({ inputFile, methods: forPage });
  if (page) runtimes.push(page);
  else console.error("bench: no chromium here");

  const rotated = (list, by) => list.map((_, index) => list[(index + by) % list.length]);
  const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

  /** Rounds in which every method runs once in every runtime, each time in another order. */
  async function measure(count, sample) {
    const samples = new Map();
    for (let round = 0; round < count; round++) {
      for (const runtime of rotated(runtimes, round)) {
        for (const { id } of rotated(methods, round)) {
          const key = `${runtime.name}|${id}`;
          samples.set(key, [...(samples.get(key) ?? []), await sample(runtime, id)]);
        }
      }
    }
    const of = ({ name }, id) => samples.get(`${name}|${id}`);
    return {
      ms: (runtime, id) => median(of(runtime, id)),
      ratio: (runtime, id, to) => median(of(runtime, id).map((ms, round) => ms / of(runtime, to)[round])),
    };
  }

  for (const runtime of runtimes) for (const { id } of methods) await runtime.warmMs(id, warmUp);
  const warm = await measure(rounds, (runtime, id) => runtime.warmMs(id, callsPerRound));
  const cold = await measure(coldRounds, async (runtime, id) => (await runtime.cold(id)).firstMs);
  for (const runtime of runtimes) await runtime.close();
  return { runtimes, warm, cold };
}

/** A figure as the tables have it. */
export function number(value) {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
}
