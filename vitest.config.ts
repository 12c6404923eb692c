import { defineConfig } from "vitest/config";

// Packages resolve each other's TypeScript through the "@bauta/source" condition, so a unit test needs no build.
const conditions = ["@bauta/source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "conformance/src/**/*.test.ts", "tests/**/*.test.ts"],
    setupFiles: ["tests/support/setup.ts"],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    retry: 0,
  },
});
