import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Bundle {
  readonly script: string;
  readonly gzippedBytes: number;
  /** Bytes that each source file has in the bundle, before compression; its path is relative to the repository. */
  readonly bytesOf: ReadonlyMap<string, number>;
}

/** Bundles a source file as a browser would get it. */
export async function bundle(entry: string, format: "iife" | "esm"): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    outfile: "bundle.js",
    format,
    platform: "browser",
    target: "es2022",
    conditions: ["@bauta/source"],
    legalComments: "none",
    logLevel: "silent",
  });
  const script = outputFiles[0]?.text ?? "";
  const inputs = Object.values(metafile.outputs)[0]?.inputs ?? {};
  const bytesOf = new Map(
    Object.entries(inputs)
      .map(([path, { bytesInOutput }]) => [path, bytesInOutput] as const)
      .filter(([, bytes]) => bytes > 0)
      .sort(([, a], [, b]) => b - a),
  );
  return { script, gzippedBytes: gzipSync(script, { level: 9 }).length, bytesOf };
}
