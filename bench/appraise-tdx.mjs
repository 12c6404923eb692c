// What it costs to appraise one TDX quote with its collateral, beside the packages there are and a
// measuring prototype, in Node 20, Node 24 and headless Chromium, in one run. Needs the recorded evidence beside the
// checkout. Methods are bundled from source; the table is markdown.
//   node bench/appraise-tdx.mjs [--rounds 15] [--cold-rounds 7]
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compareMethods, number, recordedEvidence } from "./compare-methods.mjs";
import { bundleMethod, METHODS } from "./tdx-verifiers/bundle.mjs";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" }, "cold-rounds": { type: "string", default: "7" } } });
/** All verifiers accept it as UpToDate. */
const QUOTE = "v4-phala";
const COLLATERAL = "2025-10-mixed-b0c06f";
const AT = "2025-10-21T14:36:52Z";
const WARM_UP = 40;
const CALLS_PER_ROUND = 12;

const vectors = `${recordedEvidence()}tdx/`;
const collateral = JSON.parse(readFileSync(`${vectors}collateral/${COLLATERAL}.json`, "utf8"));
const wasm = fileURLToPath(new URL("../node_modules/@phala/dcap-qvl-web/dcap-qvl-web_bg.wasm", import.meta.url));
const { runtimes, warm, cold } = await compareMethods({
  methods: METHODS,
  bundle: async (each, target) => ({ ...each, path: await bundleMethod(each, target), ...(each.id.endsWith("wasm") && { wasm }) }),
  file: "input.json",
  input: { quote: readFileSync(`${vectors}quotes/${QUOTE}.bin`, "hex"), collateral, nowMs: Date.parse(AT) },
  warmUp: WARM_UP,
  callsPerRound: CALLS_PER_ROUND,
  rounds: Number(values.rounds),
  coldRounds: Number(values["cold-rounds"]),
});
const reference = METHODS[0].id;

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
