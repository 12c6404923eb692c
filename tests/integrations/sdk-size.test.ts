import { expect, it } from "vitest";
import { bundleParts } from "../browser/bundle-parts.ts";

/**
 * Bytes of the SDK for a page, minified and gzipped. What stands here is what it is, so that it does not grow unseen; the
 * aim for all of it is 50,000 (bench/README.md has the parts).
 */
const MAX_BYTES = {
  /** Before anything can be asked: `fetch`, both versions of the protocol, secp256k1. */
  first: 69_200,
  /** With what comes when it is needed: the verifier, compose documents, GPUs, HPKE. */
  all: 161_500,
};

it("the SDK stays small, loads its verifier when it is needed, and reaches nothing of Node's", async () => {
  const { firstBytes, allBytes, firstModules, script } = await bundleParts("packages/client/src/index.ts");
  expect(firstModules.filter((path) => /attestation\/src\/(?:appraise|dstack\/compose|nvidia\/appraise)|hpke|\/yaml\//.test(path))).toEqual(
    ["packages/attestation/src/appraiser.ts"],
  );
  expect(firstBytes, firstModules.join("\n")).toBeLessThanOrEqual(MAX_BYTES.first);
  expect(allBytes).toBeLessThanOrEqual(MAX_BYTES.all);
  expect(script).not.toMatch(/["']node:|\brequire\(|\bBuffer\.|process\.(?:env|versions)/);
});
