// What it costs to appraise one TDX quote with its collateral, beside the packages there are and a
// measuring prototype, in Node 20, Node 24 and headless Chromium, in one run. Needs the recorded evidence beside the
// checkout. Methods are bundled from source; the table is markdown.
//   node bench/appraise-tdx.mjs [--rounds 15] [--cold-rounds 7]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundleMethod, METHODS } from "./tdx-verifiers/bundle.mjs";
import { startChromium } from "./tdx-verifiers/chromium-runtime.mjs";
import { findNode, startNode } from "./tdx-verifiers/node-runtime.mjs";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" }, "cold-rounds": { type: "string", default: "7" } } });
/** All verifiers accept it as UpToDate. */
const QUOTE = "v4-phala";
const COLLATERAL = "2025-10-mixed-b0c06f";
const AT = "2025-10-21T14:36:52Z";
const WARM_UP = 40;
const CALLS_PER_ROUND = 12;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const vectors = here("../../shared/vectors/tdx/");
if (!existsSync(vectors)) {
  console.error("bench: the recorded evidence is not at ../shared/vectors, beside the checkout");
  process.exit(2);
}
mkdirSync(here("../.cache/bench"), { recursive: true });
const inputFile = here("../.cache/bench/input.json");
const collateral = JSON.parse(readFileSync(`${vectors}collateral/${COLLATERAL}.json`, "utf8"));
writeFileSync(
  inputFile,
  JSON.stringify({ quote: readFileSync(`${vectors}quotes/${QUOTE}.bin`, "hex"), collateral, nowMs: Date.parse(AT) }),
);

const wasm = here("../node_modules/@phala/dcap-qvl-web/dcap-qvl-web_bg.wasm");
const bundled = (target) =>
  Promise.all(
    METHODS.map(async (each) => ({ ...each, path: await bundleMethod(each, target), ...(each.id.endsWith("wasm") && { wasm }) })),
  );
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

const reference = METHODS[0].id;
const rotated = (list, by) => list.map((_, index) => list[(index + by) % list.length]);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Rounds in which every method runs once in every runtime, each time in another order. */
async function measure(rounds, sample) {
  const samples = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const runtime of rotated(runtimes, round)) {
      for (const { id } of rotated(METHODS, round)) {
        const key = `${runtime.name}|${id}`;
        samples.set(key, [...(samples.get(key) ?? []), await sample(runtime, id)]);
      }
    }
  }
  const ratio = (runtime, id, to) => {
    const others = samples.get(`${runtime.name}|${to}`);
    return median(samples.get(`${runtime.name}|${id}`).map((ms, round) => ms / others[round]));
  };
  return { ms: (runtime, id) => median(samples.get(`${runtime.name}|${id}`)), ratio };
}

for (const runtime of runtimes) for (const { id } of METHODS) await runtime.warmMs(id, WARM_UP);
const warm = await measure(Number(values.rounds), (runtime, id) => runtime.warmMs(id, CALLS_PER_ROUND));
const cold = await measure(Number(values["cold-rounds"]), async (runtime, id) => (await runtime.cold(id)).firstMs);
for (const runtime of runtimes) await runtime.close();

const number = (value) => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));
console.log(
  `One TDX quote with its collateral, ms and × (to the first row): ${availableParallelism()} cores, medians of interleaved rounds.\n`,
);
console.log(`| method | ${runtimes.map(({ name }) => `${name}, cold | × | warm | ×`).join(" | ")} |`);
console.log(`| --- |${" ---: |".repeat(4 * runtimes.length)}`);
for (const { id, name } of METHODS) {
  const cells = runtimes.flatMap((runtime) =>
    [cold, warm].flatMap(({ ms, ratio }) => [number(ms(runtime, id)), number(ratio(runtime, id, reference))]),
  );
  console.log(`| ${[name, ...cells].join(" | ")} |`);
}
console.log();
for (const runtime of runtimes) {
  const packages = METHODS.filter(({ id }) => id.startsWith("dcap-qvl"));
  const fastest = Math.max(...packages.map(({ id }) => warm.ratio(runtime, "bauta", id)));
  console.log(
    `${runtime.name}: warm ${number(warm.ratio(runtime, "bauta", reference))} × the ${reference} (at most 1.25), ` +
      `${number(fastest)} × the fastest package (below 1), cached ${number(warm.ratio(runtime, "bauta-cached", "bauta"))} × full (at most 0.40)`,
  );
}
