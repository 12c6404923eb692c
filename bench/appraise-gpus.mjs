// What it costs to appraise one GPU, with and without a manifest, the eight GPUs of a recorded answer, and that whole
// answer, beside a measuring prototype, in Node 20, Node 24 and headless Chromium, in one run. Needs the recorded evidence
// beside the checkout. Methods are bundled from source; the table is markdown.
//   node bench/appraise-gpus.mjs [--rounds 15] [--cold-rounds 5]
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { compareMethods, number, recordedEvidence } from "./compare-methods.mjs";
import { bundleMethod, CASES, METHODS, VERIFIERS } from "./gpu-verifiers/bundle.mjs";
import { readCapture } from "./gpu-verifiers/capture.mjs";

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

const vectors = recordedEvidence();

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

const { runtimes, warm, cold } = await compareMethods({
  methods: METHODS,
  bundle: async (each, target) => ({ ...each, path: await bundleMethod(each, target) }),
  file: "gpu-input.json",
  input: readInput(),
  warmUp: WARM_UP,
  callsPerRound: CALLS_PER_ROUND,
  rounds: Number(values.rounds),
  coldRounds: Number(values["cold-rounds"]),
});
const reference = VERIFIERS[0].verifier;

console.log(`GPUs, ms and × (to the prototype of the same case): ${availableParallelism()} cores, medians of interleaved rounds.\n`);
console.log(`| case | method | ${runtimes.map(({ name }) => `${name}, cold | × | warm | ×`).join(" | ")} |`);
console.log(`| --- | --- |${" ---: |".repeat(4 * runtimes.length)}`);
for (const { part, name } of CASES) {
  for (const { verifier, name: method } of VERIFIERS) {
    const cells = runtimes.flatMap((runtime) =>
      [cold, warm].flatMap(({ ms, ratio }) => [
        number(ms(runtime, `${part}-${verifier}`)),
        number(ratio(runtime, `${part}-${verifier}`, `${part}-${reference}`)),
      ]),
    );
    console.log(`| ${[name, method, ...cells].join(" | ")} |`);
  }
}
console.log();
for (const runtime of runtimes) {
  const ratios = ["one", "eight"].map((part) => number(warm.ratio(runtime, `${part}-bauta`, `${part}-${reference}`)));
  console.log(`${runtime.name}: evidence and chain, warm: one GPU ${ratios[0]} ×, eight ${ratios[1]} × the prototype (at most 1.2)`);
}
