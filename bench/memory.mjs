// Does memory stay flat? Sealed, verified chats through all three parties in this process, and what is left of them
// after a full collection.
//   node --expose-gc bench/memory.mjs [--chats 4000]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startDemo } from "../apps/cli/dist/demo-stack.js";
import { createClient } from "../packages/client/dist/index.js";

if (!globalThis.gc) {
  console.error("start it as: node --expose-gc bench/memory.mjs");
  process.exit(2);
}
const { values } = parseArgs({ options: { chats: { type: "string", default: "4000" } } });
const ROUNDS = 8;
const AT_ONCE = 8;

const stack = await startDemo({ gatewayPort: 0, quoteEncoding: "base64", logLevel: "silent" }, () => {});
const client = createClient({
  baseURL: stack.baseUrl,
  apiKey: stack.apiKey,
  policy: JSON.parse(readFileSync(stack.policyFile, "utf8")),
  trustRoots: [readFileSync(stack.trustRootFile)],
});
async function person(chats) {
  for (let i = 0; i < chats; i++) {
    const chat = await client.chat({ model: stack.models[1], max_tokens: 3, messages: [{ role: "user", content: "Hello" }] });
    // oxlint-disable-next-line no-unused-vars -- only that it arrives
    for await (const delta of chat);
    if ((await chat.outcome).status !== "verified") throw new Error((await chat.outcome).reason);
  }
}

const each = Math.ceil(Number(values.chats) / ROUNDS / AT_ONCE);
console.log("| chats | heap, MB | resident, MB |\n| ---: | ---: | ---: |");
for (let round = 1; round <= ROUNDS; round++) {
  await Promise.all(Array.from({ length: AT_ONCE }, () => person(each)));
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  console.log(`| ${round * each * AT_ONCE} | ${(heapUsed / 1e6).toFixed(1)} | ${(rss / 1e6).toFixed(0)} |`);
}
await stack.close();
