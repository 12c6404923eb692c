// What `npm test` runs: a whole path of each kind, in less than three minutes on two cores. The rest is `npm run test:all`.

/** Files, as the beginnings of their paths. */
export const newcomerTests = [
  // The protocol's vectors, appraisal of TDX and GPUs, the client, the gateway, the enclave, the command.
  "packages/",
  "apps/",
  // A sealed chat with a provider that cheats in every way of version 1 and 2.
  "tests/attacks/conformance.test.ts",
  // OpenAI's client through the local proxy.
  "tests/proxy/proxy.test.ts",
  // These scripts.
  "tests/scripts/",
];

/** Of those, what takes long for what it adds. */
export const without = [
  "apps/gateway/src/{gpu-attestation,nras-relay,relay,stalled-readers,attested-connections}.test.ts",
  "apps/enclave/src/{wire-errors,stalled-client,engine/llama-engine}.test.ts",
  "apps/cli/src/collateral-directory.test.ts",
  "packages/attestation/src/nvidia/nras-token.test.ts",
  // It replaces a module for its whole process, which the others share.
  "packages/client/src/retry-undici.test.ts",
];

/** They share two processes, not threads, whose processor time could not be told apart: most of the time would go into loading the same modules for each file. */
export const settings = ["--no-isolate", "--pool=forks", "--maxWorkers=2"];
