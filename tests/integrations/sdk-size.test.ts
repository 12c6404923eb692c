import { expect, it } from "vitest";
import { bundle } from "../browser/bundle.ts";

/**
 * Bytes of the whole SDK for a page, minified and gzipped: attestation with its GPUs, both versions of the protocol, `fetch`.
 * What stands here is what it is, so that it does not grow unseen; the aim is 50,000 (bench/README.md has the parts).
 */
const MAX_SDK_BYTES = 150_000;

it("the whole SDK stays small, and reaches nothing of Node's", async () => {
  const { script, gzippedBytes, bytesOf } = await bundle("packages/client/src/index.ts", "esm");
  const modules = [...bytesOf].map(([path, bytes]) => `${bytes} ${path}`).join("\n");
  expect(gzippedBytes, modules).toBeLessThanOrEqual(MAX_SDK_BYTES);
  expect(script).not.toMatch(/["']node:|\brequire\(|\bBuffer\.|process\.(?:env|versions)/);
});
