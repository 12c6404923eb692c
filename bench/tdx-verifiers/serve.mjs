// One Node process of the benchmark: `--cold METHOD` loads a method, times its first call and ends; otherwise it answers
// lines of standard input, {"method", "iterations"}, with the milliseconds that one call took.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { quote, ...rest } = JSON.parse(readFileSync(process.env.BENCH_INPUT, "utf8"));
const input = { ...rest, quote: Buffer.from(quote, "hex") };
const prepared = new Map();

async function prepare({ id, path, cached, wasm }) {
  const { create } = await import(pathToFileURL(path).href);
  const run = await create(input, { cached, ...(wasm && { wasm: readFileSync(wasm) }) });
  prepared.set(id, run);
  return run;
}

const methods = JSON.parse(process.env.BENCH_METHODS);
const cold = process.argv[2] === "--cold" ? process.argv[3] : undefined;
if (cold) {
  const started = performance.now();
  const run = await prepare(methods.find(({ id }) => id === cold));
  const loaded = performance.now();
  await run();
  console.log(JSON.stringify({ loadMs: loaded - started, firstMs: performance.now() - loaded }));
} else {
  for await (const line of createInterface({ input: process.stdin })) {
    const { method, iterations } = JSON.parse(line);
    const run = prepared.get(method) ?? (await prepare(methods.find(({ id }) => id === method)));
    const started = performance.now();
    for (let i = 0; i < iterations; i++) await run();
    console.log(JSON.stringify({ ms: (performance.now() - started) / iterations }));
  }
}
