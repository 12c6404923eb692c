// `npm run fuzz -- --seconds 600 [--seed 1] [--only quote]`: mutates inputs of every parser, guided by what they reach.
// Bundles the run from source first, so that all code it watches is one script; needs no build.
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
// As deep below the root as tests/support is: its relative paths hold there too.
const outfile = `${root}.cache/fuzz/long-run.mjs`;

await build({
  entryPoints: [`${root}tests/fuzz/long-run.ts`],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  conditions: ["source"],
  external: ["secp256k1"],
  sourcemap: "inline",
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  logLevel: "warning",
});
process.setSourceMapsEnabled(true);
const { run } = await import(pathToFileURL(outfile).href);
process.exitCode = await run(process.argv.slice(2));
