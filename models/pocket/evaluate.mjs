#!/usr/bin/env node
// Asks the pocket model the held-out questions through llama.cpp and counts right answers by kind.
//
//   node models/pocket/evaluate.mjs [--model FILE] [--questions FILE] [--temperature T] [--limit N] [--wrong] [--json]
//
// Right means: the intended answer, word for word (case and punctuation aside). For a sum that is its result alone or
// the whole equation; for what the model does not know, any of the sentences that admit it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadPocket } from "./llama.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const { values } = parseArgs({
  options: {
    model: { type: "string", default: join(here, "pocket.gguf") },
    questions: { type: "string", default: join(here, "heldout.json") },
    temperature: { type: "string", default: "0" },
    limit: { type: "string", default: "0" },
    wrong: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const normalise = (text) => (text.toLowerCase().replaceAll(/['’]/g, "").match(/[a-z0-9]+|[-+*=/]/g) ?? []).join(" ");

const temperature = Number(values.temperature);
let questions = JSON.parse(readFileSync(values.questions, "utf8"));
if (Number(values.limit) > 0) {
  const taken = new Map();
  questions = questions.filter(({ kind }) => taken.set(kind, (taken.get(kind) ?? 0) + 1).get(kind) <= Number(values.limit));
}
const pocket = await loadPocket(values.model);
const kinds = new Map();
const count = (kind, right) => {
  const entry = kinds.get(kind) ?? { right: 0, asked: 0 };
  entry.asked += 1;
  entry.right += right ? 1 : 0;
  kinds.set(kind, entry);
};
let index = 0;
for (const { kind, id, messages, right: accepted } of questions) {
  const { text, ended } = await pocket.answer(messages, { temperature, seed: ++index });
  const right = ended && accepted.some((answer) => normalise(answer) === normalise(text));
  count(kind, right);
  if (kind.startsWith("beyond: ")) count("beyond (all)", right);
  if (messages.filter(({ role }) => role === "user").length > 1) count("(in a conversation)", right);
  count("(all)", right);
  if (values.wrong && !right) console.log(`${kind} | ${id} | ${messages.at(-1).content.slice(0, 100)} | ${text.slice(0, 110)}`);
}
await pocket.dispose();
const rows = [...kinds].map(([kind, { right, asked }]) => ({ kind, right, asked, share: right / asked }));
if (values.json) console.log(JSON.stringify(rows));
else for (const { kind, right, asked, share } of rows) console.log(`${kind.padEnd(28)} ${String(right).padStart(5)} / ${String(asked).padEnd(5)} ${(100 * share).toFixed(1)} %`);
