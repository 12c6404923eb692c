import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
const prototype = fileURLToPath(new URL("../../../shared/prototype/", import.meta.url));

/** What is timed, by the name of its part of the input. */
export const CASES = [
  { part: "one", name: "one GPU: evidence and chain" },
  { part: "manifest", name: "one GPU: evidence, chain and a manifest" },
  { part: "eight", name: "eight GPUs: evidence and chains" },
  { part: "whole", name: "a whole answer: TDX, event log, eight GPUs" },
];

/** The method that the other is compared with comes first; it is left out where it is not at hand. */
export const VERIFIERS = [
  ...(existsSync(prototype) ? [{ verifier: "prototype", name: "measuring prototype" }] : []),
  { verifier: "bauta", name: "bauta" },
];

export const METHODS = CASES.flatMap(({ part }) => VERIFIERS.map(({ verifier }) => ({ id: `${part}-${verifier}`, part, verifier })));

/** Bundles a method for Node (`esm`) or a page (`iife`, which leaves `verifier` behind). */
export async function bundleMethod({ id, part, verifier }, target) {
  const node = target === "node";
  const outfile = `${root}.cache/bench/gpu-${id}.${node ? "mjs" : "js"}`;
  await build({
    stdin: {
      contents: `import { ${part} } from "./${verifier}.mjs"; export const create = ${part};`,
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    },
    outfile,
    bundle: true,
    minify: true,
    format: node ? "esm" : "iife",
    ...(!node && { globalName: "verifier" }),
    platform: node ? "node" : "browser",
    target: "es2022",
    conditions: ["source"],
    logLevel: "error",
    // What the reader of compose files expects of its surroundings.
    ...(node && { banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' } }),
    plugins: [outside],
  });
  return outfile;
}

const outside = {
  name: "outside",
  setup({ onResolve }) {
    onResolve({ filter: /^prototype\// }, ({ path }) => ({ path: prototype + path.slice("prototype/".length) }));
  },
};
