// The pocket model's held-out questions, asked as a user would: attested, sealed, opened, each answer verified.
//   node bench/pocket-accuracy.mjs [--limit N of each kind] [--wrong]
// Prints right answers by kind; without --limit it fails when a kind has fewer than it must.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isRight, requiredShare, takeOfEachKind } from "../models/pocket/judge.mjs";
import { createClient, parsePemCertificates } from "../packages/client/dist/index.js";

const { values } = parseArgs({ options: { limit: { type: "string", default: "1000000" }, wrong: { type: "boolean", default: false } } });
const heldOut = JSON.parse(readFileSync(new URL("../models/pocket/heldout.json", import.meta.url), "utf8"));
const questions = takeOfEachKind(heldOut, Number(values.limit));

const command = fileURLToPath(new URL("../apps/cli/bin/bauta.mjs", import.meta.url));
const demo = spawn(process.execPath, [command, "demo", "--gateway-port", "0", "--no-open", "--json"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const [line] = await once(createInterface({ input: demo.stdout }), "line");
const { gateway, apiKey, models, trustRoot, policy } = JSON.parse(line);
const client = createClient({
  baseURL: gateway,
  apiKey,
  policy: JSON.parse(readFileSync(policy, "utf8")),
  trustRoots: parsePemCertificates(readFileSync(trustRoot, "utf8")),
});

const kinds = new Map();
let verified = 0;
for (const question of questions) {
  const chat = await client.chat({ model: models[1], max_tokens: 160, messages: question.messages });
  let text = "";
  for await (const { content } of chat) text += content;
  const { status } = await chat.outcome;
  verified += status === "verified" ? 1 : 0;
  const right = isRight(question, text);
  const entry = kinds.get(question.kind) ?? { right: 0, asked: 0 };
  kinds.set(question.kind, { right: entry.right + (right ? 1 : 0), asked: entry.asked + 1 });
  if (values.wrong && !right) console.log(`${question.kind} | ${question.messages.at(-1).content} | ${text}`);
}
demo.kill("SIGTERM");
await once(demo, "exit");

console.log(
  `${verified} of ${questions.length} answers verified\n\n| kind | right | asked | share | must |\n| --- | ---: | ---: | ---: | ---: |`,
);
let enough = verified === questions.length;
for (const [kind, { right, asked }] of kinds) {
  const share = right / asked;
  enough &&= share >= requiredShare(kind);
  console.log(`| ${kind} | ${right} | ${asked} | ${(100 * share).toFixed(1)} % | ${100 * requiredShare(kind)} % |`);
}
// A few questions say little about a share of 95 in 100.
process.exitCode = enough || questions.length < heldOut.length ? 0 : 1;
