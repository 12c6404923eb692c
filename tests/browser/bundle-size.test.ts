import { describe, expect, it } from "vitest";
import { bundle } from "./bundle.ts";
import { bundleParts } from "./bundle-parts.ts";

/** Bytes of the TDX core, minified and gzipped, that a page may have to load. */
const MAX_TDX_CORE_BYTES = 12_000;

/** The same of the TDX and the GPU core together: quote, collateral and GPU evidence, and in all with manifests. */
const MAX_TDX_GPU_CORE_BYTES = { first: 22_000, all: 25_300 };

describe("the TDX and GPU core for a browser", () => {
  it("stays small, is pure, loads what reads manifests when there is one, and carries neither secp256k1 nor keccak", async () => {
    const { firstBytes, allBytes, firstModules, script } = await bundleParts("tests/browser/tdx-gpu-core.ts");
    expect(firstModules.filter((path) => path.startsWith("node_modules/") || /\/xml|\/rim\.ts$/.test(path))).toEqual([]);
    expect(firstBytes, firstModules.join("\n")).toBeLessThanOrEqual(MAX_TDX_GPU_CORE_BYTES.first);
    expect(allBytes).toBeLessThanOrEqual(MAX_TDX_GPU_CORE_BYTES.all);
    expect(script).not.toMatch(/node:|\bBuffer\b|\brequire\(|process\./);
  });
});

describe("the TDX core for a browser", () => {
  it("stays small, and carries neither secp256k1 nor keccak", async () => {
    const { gzippedBytes, bytesOf } = await bundle("packages/attestation/src/tdx/platform.ts", "esm");
    const modules = [...bytesOf].map(([path, bytes]) => `${bytes} ${path}`).join("\n");
    expect([...bytesOf.keys()].filter((path) => path.startsWith("node_modules/"))).toEqual([]);
    expect(gzippedBytes, modules).toBeLessThanOrEqual(MAX_TDX_CORE_BYTES);
  });

  it("is pure: nothing of Node is reached", async () => {
    const { script } = await bundle("packages/attestation/src/tdx/platform.ts", "esm");
    expect(script).not.toMatch(/node:|\bBuffer\b|\brequire\(|process\./);
  });
});
