// What it costs to appraise one GPU, with and without a manifest, the eight GPUs of a recorded answer, and that whole
// answer, beside a measuring prototype, in Node 20, Node 24 and headless Chromium, in one run. Needs the recorded evidence
// beside the checkout. Methods are bundled from source; the table is markdown.
//   node bench/appraise-gpus.mjs [--rounds 15] [--cold-rounds 5]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundleMethod, CASES, METHODS, VERIFIERS } from "./gpu-verifiers/bundle.mjs";
import { readCapture } from "./gpu-verifiers/capture.mjs";
import { startChromium } from "./tdx-verifiers/chromium-runtime.mjs";
import { findNode, startNode } from "./tdx-verifiers/node-runtime.mjs";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" }, "cold-rounds": { type: "string", default: "5" } } });
const WARM_UP = 24;
const CALLS_PER_ROUND = 4;
/** The SDK's Hopper, with the one manifest that is known to match it. */
const HOPPER = {
  report: "evidence/sdk_gpu/hopperAttestationReport.txt",
  chain: "evidence/sdk_gpu/hopperCertChain.txt",
  nonceHex: "27a328247bf7935c993341cf587be6f05986ccce4fe7ba2c54100bd616a58f66",
  manifest: "rims/1010_0200_882_96005E0001_PROD.swidtag",
  nowMs: Date.UTC(2025, 5, 15),
};

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const vectors = here("../../shared/vectors/");
if (!existsSync(vectors)) {
  console.error("bench: the recorded evidence is not at ../shared/vectors, beside the checkout");
  process.exit(2);
}
mkdirSync(here("../.cache/bench"), { recursive: true });
const inputFile = here("../.cache/bench/gpu-input.json");
writeFileSync(inputFile, JSON.stringify(readInput()));

function readInput() {
  const nvidia = (path) => readFileSync(`${vectors}nvidia/${path}`, "utf8");
  const certificate = Buffer.from(nvidia(HOPPER.chain)).toString("base64");
  const evidence = Buffer.from(nvidia(HOPPER.report).trim(), "hex").toString("base64");
  const one = { payload: JSON.stringify([{ arch: "HOPPER", certificate, evidence }]), nonceHex: HOPPER.nonceHex, nowMs: HOPPER.nowMs };
  const whole = readCapture(`${vectors}venice-2026-04-24/`);
  const { answer, nonceHex, nowMs } = whole;
  const eight = { payload: answer.nvidia_payload, nonceHex, nowMs };
  const quote = Buffer.from(answer.intel_quote, answer.intel_quote.startsWith("0400") ? "hex" : "base64").toString("hex");
  return { quote, one, manifest: { ...one, rims: [nvidia(HOPPER.manifest)] }, eight, whole };
}

const bundled = (target) => Promise.all(METHODS.map(async (each) => ({ ...each, path: await bundleMethod(each, target) })));
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
  const of = ({ name }, part, verifier) => samples.get(`${name}|${part}-${verifier}`);
  return {
    ms: (...which) => median(of(...which)),
    ratio: (runtime, part, verifier) => {
      const reference = of(runtime, part, VERIFIERS[0].verifier);
      return median(of(runtime, part, verifier).map((ms, round) => ms / reference[round]));
    },
  };
}

for (const runtime of runtimes) for (const { id } of METHODS) await runtime.warmMs(id, WARM_UP);
const warm = await measure(Number(values.rounds), (runtime, id) => runtime.warmMs(id, CALLS_PER_ROUND));
const cold = await measure(Number(values["cold-rounds"]), async (runtime, id) => (await runtime.cold(id)).firstMs);
for (const runtime of runtimes) await runtime.close();

const number = (value) => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));
console.log(`GPUs, ms and × (to the prototype of the same case): ${availableParallelism()} cores, medians of interleaved rounds.\n`);
console.log(`| case | method | ${runtimes.map(({ name }) => `${name}, cold | × | warm | ×`).join(" | ")} |`);
console.log(`| --- | --- |${" ---: |".repeat(4 * runtimes.length)}`);
for (const { part, name } of CASES) {
  for (const { verifier, name: method } of VERIFIERS) {
    const cells = runtimes.flatMap((runtime) =>
      [cold, warm].flatMap(({ ms, ratio }) => [number(ms(runtime, part, verifier)), number(ratio(runtime, part, verifier))]),
    );
    console.log(`| ${[name, method, ...cells].join(" | ")} |`);
  }
}
console.log();
for (const runtime of runtimes) {
  const ratios = ["one", "eight"].map((part) => number(warm.ratio(runtime, part, "bauta")));
  console.log(`${runtime.name}: evidence and chain, warm: one GPU ${ratios[0]} ×, eight ${ratios[1]} × the prototype (at most 1.2)`);
}
