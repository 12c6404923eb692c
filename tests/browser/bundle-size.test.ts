import { describe, expect, it } from "vitest";
import { bundle } from "./bundle.ts";

/** Bytes of the TDX core, minified and gzipped, that a page may have to load. */
const MAX_TDX_CORE_BYTES = 12_000;

/** The same of the TDX and the GPU core together: quote, collateral, GPU evidence, manifests. The aim is 22,000. */
const MAX_TDX_GPU_CORE_BYTES = 23_600;

describe("the TDX and GPU core for a browser", () => {
  it("stays small, is pure, and carries neither secp256k1 nor keccak", async () => {
    const { script, gzippedBytes, bytesOf } = await bundle("tests/browser/tdx-gpu-core.ts", "esm");
    const modules = [...bytesOf].map(([path, bytes]) => `${bytes} ${path}`).join("\n");
    expect([...bytesOf.keys()].filter((path) => path.startsWith("node_modules/"))).toEqual([]);
    expect(gzippedBytes, modules).toBeLessThanOrEqual(MAX_TDX_GPU_CORE_BYTES);
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
