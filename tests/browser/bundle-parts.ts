import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A source file as a page would get it that loads parts when they are needed. */
export interface BundleParts {
  /** Minified and gzipped: what loads at once, and all of it. */
  readonly firstBytes: number;
  readonly allBytes: number;
  /** Source files that load at once, relative to the repository. */
  readonly firstModules: readonly string[];
  /** All that would be served. */
  readonly script: string;
}

/** Bundles a source file with its dynamic imports as parts of their own. */
export async function bundleParts(entry: string): Promise<BundleParts> {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
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
    conditions: ["@bauta/source"],
    legalComments: "none",
    logLevel: "silent",
  });
  const { outputs } = metafile;
  const bytesOf = new Map(outputFiles.map(({ path, contents }) => [path.slice(root.length), gzipSync(contents, { level: 9 }).length]));
  const first = new Set<string>();
  const visit = (path: string): void => {
    if (first.has(path)) return;
    first.add(path);
    for (const { kind, path: next } of outputs[path]?.imports ?? []) if (kind === "import-statement") visit(next);
  };
  visit(Object.keys(outputs).find((path) => outputs[path]?.entryPoint === entry) ?? "");
  const sum = (paths: Iterable<string>) => [...paths].reduce((bytes, path) => bytes + (bytesOf.get(path) ?? 0), 0);
  return {
    firstBytes: sum(first),
    allBytes: sum(bytesOf.keys()),
    firstModules: [...first].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {})),
    script: outputFiles.map(({ text }) => text).join("\n"),
  };
}
