import { createRequire } from "node:module";
import { build } from "esbuild";

const PROGRAM = `
export { APICallError, embedMany, generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
export { createOpenAICompatible } from "@ai-sdk/openai-compatible";
`;

type Packages = Pick<
  typeof import("ai"),
  "APICallError" | "embedMany" | "generateObject" | "generateText" | "jsonSchema" | "stepCountIs" | "streamText" | "tool"
> &
  Pick<typeof import("@ai-sdk/openai-compatible"), "createOpenAICompatible">;

/**
 * The AI SDK's packages as their users get them. These tests run where packages are resolved to their sources, and one
 * below these publishes sources that Node does not run; a bundler resolves them as usual.
 */
export const packages: Packages = await load();

async function load(): Promise<Packages> {
  const { outputFiles } = await build({
    stdin: { contents: PROGRAM, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    logLevel: "silent",
  });
  const module = { exports: {} };
  // oxlint-disable-next-line typescript/no-implied-eval -- a bundle of installed packages, made a moment ago
  new Function("module", "exports", "require", outputFiles[0]?.text ?? "")(module, module.exports, createRequire(import.meta.url));
  return module.exports as Packages;
}
