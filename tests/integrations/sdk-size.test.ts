import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, it } from "vitest";

/**
 * Bytes of the SDK for a page, minified and gzipped. What stands here is what it is, so that it does not grow unseen; the
 * aim for all of it is 50,000 (bench/README.md has the parts).
 */
const MAX_BYTES = {
  /** Before anything can be asked: `fetch`, both versions of the protocol, secp256k1. */
  first: 64_500,
  /** With what comes when it is needed: the verifier, compose documents, GPUs, HPKE. */
  all: 150_000,
};

const root = fileURLToPath(new URL("../../", import.meta.url));
const ENTRY = "packages/client/src/index.ts";

it("the SDK stays small, loads its verifier when it is needed, and reaches nothing of Node's", async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [ENTRY],
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    outdir: "bundle",
    format: "esm",
    platform: "browser",
    target: "es2022",
    conditions: ["source"],
    legalComments: "none",
    logLevel: "silent",
  });
  const { outputs } = metafile;
  const files = new Map(outputFiles.map(({ path, contents, text }) => [path.slice(root.length), { contents, text }]));
  const first = new Set<string>();
  const visit = (path: string): void => {
    if (first.has(path)) return;
    first.add(path);
    for (const { kind, path: next } of outputs[path]?.imports ?? []) if (kind === "import-statement") visit(next);
  };
  visit(Object.keys(outputs).find((path) => outputs[path]?.entryPoint === ENTRY) ?? "");
  const bytesOf = (paths: Iterable<string>) =>
    [...paths].reduce((sum, path) => sum + gzipSync(files.get(path)?.contents ?? "", { level: 9 }).length, 0);

  const modules = [...first].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {}));
  expect(modules.filter((path) => /attestation\/src\/(?:appraise|dstack\/compose|nvidia\/appraise)|hpke|\/yaml\//.test(path))).toEqual([
    "packages/attestation/src/appraiser.ts",
  ]);
  expect(bytesOf(first), modules.join("\n")).toBeLessThanOrEqual(MAX_BYTES.first);
  expect(bytesOf(files.keys())).toBeLessThanOrEqual(MAX_BYTES.all);
  for (const { text } of files.values()) expect(text).not.toMatch(/["']node:|\brequire\(|\bBuffer\.|process\.(?:env|versions)/);
});
