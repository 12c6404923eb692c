import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
const prototype = fileURLToPath(new URL("../../../shared/prototype/", import.meta.url));

/** The method that the others are compared with comes first; one that needs what is not here is left out. */
export const METHODS = [
  ...(existsSync(prototype) ? [{ id: "prototype", name: "measuring prototype (reference)", file: "prototype.mjs" }] : []),
  { id: "bauta", name: "bauta, from the bytes", file: "bauta.mjs" },
  { id: "bauta-cached", name: "bauta, collateral verified before", file: "bauta.mjs", cached: true },
  { id: "dcap-qvl", name: "@phala/dcap-qvl", file: "dcap-qvl.mjs" },
  { id: "dcap-qvl-wasm", name: "@phala/dcap-qvl-web (WASM)", file: "dcap-qvl-wasm.mjs" },
];

/** Bundles a method for Node (`esm`) or a page (`iife`, which leaves `verifier` behind). */
export async function bundleMethod({ id, file }, target) {
  const node = target === "node";
  const outfile = `${root}.cache/bench/${id}.${node ? "mjs" : "js"}`;
  await build({
    entryPoints: [`${root}bench/tdx-verifiers/${file}`],
    outfile,
    bundle: true,
    minify: true,
    format: node ? "esm" : "iife",
    ...(!node && { globalName: "verifier" }),
    platform: node ? "node" : "browser",
    target: "es2022",
    conditions: ["source"],
    logLevel: "error",
    // What dcap-qvl.mjs expects of its surroundings: require() in Node, Node's Buffer in a page.
    ...(node
      ? { banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' } }
      : {
          inject: [`${root}bench/tdx-verifiers/page-buffer.mjs`],
          define: { global: "globalThis", process: "pageProcess" },
          banner: { js: "var pageProcess = { env: {}, browser: true };" },
        }),
    plugins: [outside],
  });
  return outfile;
}

const outside = {
  name: "outside",
  setup({ onResolve, onLoad, initialOptions }) {
    onResolve({ filter: /^prototype\// }, ({ path }) => ({ path: prototype + path.slice("prototype/".length) }));
    if (initialOptions.platform !== "browser") return;
    onResolve({ filter: /^(vm|crypto|node-fetch)$/ }, ({ path }) => ({ path, namespace: "nothing" }));
    onLoad({ filter: /.*/, namespace: "nothing" }, () => ({ contents: "module.exports = {};" }));
  },
};
