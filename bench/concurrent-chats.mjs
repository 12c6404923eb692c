// Many people at once: sealed, verified chats against `bauta demo`, each asking again as soon as it has its answer.
//   node bench/concurrent-chats.mjs [--people 20] [--seconds 60] [--model-file FILE]
// Prints first-token and whole-answer times, outcomes, and the demo's memory over time.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createClient, parsePemCertificates } from "../packages/client/dist/index.js";

const { values } = parseArgs({
  options: { people: { type: "string", default: "20" }, seconds: { type: "string", default: "60" }, "model-file": { type: "string" } },
});
const people = Number(values.people);
const durationMs = Number(values.seconds) * 1000;
const command = fileURLToPath(new URL("../apps/cli/bin/bauta.mjs", import.meta.url));
const engine = values["model-file"] ? ["--model-file", values["model-file"]] : [];
const demo = spawn(process.execPath, [command, "demo", "--gateway-port", "0", "--no-open", "--json", ...engine], {
  stdio: ["ignore", "pipe", "inherit"],
});
const [line] = await once(createInterface({ input: demo.stdout }), "line");
const { gateway, apiKey, models, trustRoot, policy } = JSON.parse(line);
const options = {
  baseURL: gateway,
  apiKey,
  policy: JSON.parse(readFileSync(policy, "utf8")),
  trustRoots: parsePemCertificates(readFileSync(trustRoot, "utf8")),
};

const questions = [
  "What is 2+2? Answer briefly.",
  "Hello!",
  "Who are you?",
  "What is a quote?",
  "What is 7 times 8?",
  "What can the gateway read?",
];
const firstMs = [];
const wholeMs = [];
const outcomes = new Map();
const memory = [];
const count = (what) => outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
const residentMiB = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${demo.pid}/status`, "utf8"))?.[1]) / 1024;

const startedMs = performance.now();
const elapsed = () => performance.now() - startedMs;
const sampler = setInterval(() => memory.push(residentMiB()), durationMs / 20);

async function person(number) {
  const client = createClient(options);
  for (let turn = 0; turn === 0 || elapsed() < durationMs; turn++) {
    const askedMs = performance.now();
    try {
      const chat = await client.chat({
        model: models[1],
        max_tokens: 64,
        messages: [{ role: "user", content: questions[(number + turn) % questions.length] }],
      });
      let first;
      for await (const delta of chat) first ??= delta && performance.now() - askedMs;
      firstMs.push(first ?? performance.now() - askedMs);
      wholeMs.push(performance.now() - askedMs);
      count((await chat.outcome).status);
    } catch (error) {
      count(error.details?.server?.code ?? error.code ?? "error");
    }
  }
}

await Promise.all(Array.from({ length: people }, (_, number) => person(number)));
clearInterval(sampler);
demo.kill("SIGTERM");
await once(demo, "exit");

const at = (list, share) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))] ?? Number.NaN;
const row = (name, list) =>
  console.log(`| ${name} | ${at(list, 0.5).toFixed(0)} | ${at(list, 0.95).toFixed(0)} | ${at(list, 1).toFixed(0)} |`);
console.log(`\n${people} people, ${values.seconds} s: ${[...outcomes].map(([what, times]) => `${times} ${what}`).join(", ")}\n`);
console.log("| ms | median | 95 % | longest |\n| --- | ---: | ---: | ---: |");
row("first token", firstMs);
row("whole answer", wholeMs);
console.log(`\nmemory of the demo, MiB, over the run: ${memory.map((mib) => mib.toFixed(0)).join(" ")}`);
