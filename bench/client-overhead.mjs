// What the client's `fetch` costs over the platform's: per chunk, per request, and until the first token, cold and warm.
//   node bench/client-overhead.mjs [--rounds 15]
// Gateway, enclave (a software TEE) and an engine that answers at once run in another process, so that what is measured
// here is the client's. Runs on what `npm run build` wrote.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

const SELF = fileURLToPath(import.meta.url);
const MODELS = { clear: "tee-bench", sealed: "e2ee-bench" };
const PIECE = "twenty bytes of text";
const CHUNKS = 1000;
const REQUESTS = 20;

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "15" }, serve: { type: "boolean" }, cold: { type: "string" }, server: { type: "string" } },
});
if (values.serve) await serve();
else if (values.cold) await measureCold(values.cold, JSON.parse(values.server));
else await measure(Number(values.rounds));

/** The other process: prints where it is, and ends with its standard input. */
async function serve() {
  const [{ parsePolicy }, { createEnclave }, { createApiKey, createGateway }, { createSimulator }] = await Promise.all([
    import("../packages/attestation/dist/index.js"),
    import("../apps/enclave/dist/index.js"),
    import("../apps/gateway/dist/index.js"),
    import("../packages/simulator/dist/index.js"),
  ]);
  const engine = {
    name: "bench",
    contextTokens: 65_536,
    async *generate({ messages, rich }) {
      const count = Number((rich?.messages ?? messages).at(-1).content);
      for (let i = 0; i < count; i++) yield { type: "delta", content: PIECE };
      yield { type: "finish", reason: "stop", usage: { prompt_tokens: 1, completion_tokens: count, total_tokens: count + 1 } };
    },
    close: () => Promise.resolve(),
  };
  const simulator = createSimulator({ nowMs: Date.now() });
  const ids = Object.values(MODELS);
  const enclave = createEnclave({
    platform: simulator,
    models: ids.map((id) => ({ id, engine })),
    nowMs: Date.now,
    log: { level: "silent" },
    allowDebuggableProcess: true,
  });
  const { url: enclaveUrl } = await enclave.listen({ port: 0 });
  const policy = simulator.policy("bench");
  const { key, sha256 } = createApiKey();
  const gateway = createGateway({
    listen: { host: "127.0.0.1", port: 0 },
    keys: [{ name: "bench", sha256 }],
    models: ids.map((id) => ({
      id,
      name: id,
      contextTokens: 65_536,
      maxCompletionTokens: 65_536,
      enclaves: [enclaveUrl],
      policy: parsePolicy(policy),
    })),
    trustRoots: [simulator.rootDer],
    logLevel: "silent",
  });
  const { url } = await gateway.listen();
  await gateway.firstVerification();
  console.log(JSON.stringify({ baseURL: `${url}/api/v1`, apiKey: key, policy, root: Buffer.from(simulator.rootDer).toString("base64") }));
  await once(process.stdin.resume(), "end");
  process.exit(0);
}

/** The ways to ask, each of which gives a `fetch` and the model that it asks. */
function createMethods(createClient, { baseURL, apiKey, policy, root }) {
  const client = (options) => createClient({ baseURL, apiKey, policy, trustRoots: [Buffer.from(root, "base64")], ...options }).fetch;
  const plain = (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${apiKey}` } });
  return {
    plain: { name: "fetch, in clear, attested by nobody (reference)", model: MODELS.clear, create: () => plain },
    clear: { name: "bauta.fetch, attested, in clear", model: MODELS.clear, create: () => client({ allowGatewayVisible: true }) },
    v1: { name: "bauta.fetch, v1: messages sealed one by one", model: MODELS.sealed, create: () => client({}) },
    v2: {
      name: "bauta.fetch, v2: bodies sealed whole",
      model: MODELS.sealed,
      create: () => client({ policy: { ...policy, protocol: 2 } }),
    },
  };
}

/** Asks for a stream and reads it to its end; returns milliseconds until the first text, and until the end. */
async function ask(baseURL, { model }, doFetch, chunks) {
  const beganMs = performance.now();
  const body = JSON.stringify({ model, stream: true, messages: [{ role: "user", content: String(chunks) }] });
  const response = await doFetch(`${baseURL}/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body });
  let firstMs;
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of response.body) {
    text += decoder.decode(piece, { stream: true });
    if (firstMs === undefined && text.includes(PIECE)) firstMs = performance.now() - beganMs;
  }
  if (!text.includes("data: [DONE]") || text.split(PIECE).length !== chunks + 1) throw new Error(`${model}: ${text.slice(0, 300)}`);
  return { firstMs, ms: performance.now() - beganMs };
}

/** Microseconds of processor time and of the clock that something takes in this process. */
async function cost(run) {
  const cpu = process.cpuUsage();
  const began = performance.now();
  await run();
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: user + system, wall: (performance.now() - began) * 1000 };
}

function median(list) {
  return list.toSorted((a, b) => a - b)[list.length >> 1];
}

async function measure(rounds) {
  const { createClient } = await import("../packages/client/dist/index.js");
  const child = spawn(process.execPath, [SELF, "--serve"], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const server = JSON.parse(line);
  const methods = Object.entries(createMethods(createClient, server));
  const runs = methods.map(([id, method]) => ({
    id,
    method,
    fetch: method.create(),
    chunk: [],
    request: [],
    warm: [],
    fresh: [],
    cold: [],
  }));
  const { baseURL } = server;

  for (const { method, fetch: doFetch } of runs)
    for (const chunks of [1, CHUNKS, 1, CHUNKS, 1]) await ask(baseURL, method, doFetch, chunks);
  for (let round = 0; round < rounds; round++) {
    // Another one comes first each time.
    for (let i = 0; i < runs.length; i++) {
      const run = runs[(i + round) % runs.length];
      const { method } = run;
      const few = await cost(async () => {
        for (let n = 0; n < REQUESTS; n++) run.warm.push((await ask(baseURL, method, run.fetch, 1)).firstMs);
      });
      const many = await cost(() => ask(baseURL, method, run.fetch, CHUNKS + 1));
      const request = { cpu: few.cpu / REQUESTS, wall: few.wall / REQUESTS };
      run.request.push(request);
      run.chunk.push({ cpu: (many.cpu - request.cpu) / CHUNKS, wall: (many.wall - request.wall) / CHUNKS });
      run.fresh.push((await ask(baseURL, method, method.create(), 1)).firstMs);
      if (round < Math.min(rounds, 7)) run.cold.push(await spawnCold(run.id, line));
    }
  }
  child.stdin.end();
  print(runs, rounds);
  await printSize();
}

/** A process that has asked nobody yet. */
async function spawnCold(id, line) {
  const child = spawn(process.execPath, [SELF, "--cold", id, "--server", line], { stdio: ["ignore", "pipe", "inherit"] });
  const [ms] = await once(createInterface({ input: child.stdout }), "line");
  await once(child, "exit");
  return Number(ms);
}

async function measureCold(id, server) {
  const { createClient } = await import("../packages/client/dist/index.js");
  const method = createMethods(createClient, server)[id];
  const { firstMs } = await ask(server.baseURL, method, method.create(), 1);
  console.log(firstMs);
}

function number(value) {
  return value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
}

function row(cells) {
  console.log(`| ${cells.join(" | ")} |`);
}

function print(runs, rounds) {
  const [reference] = runs;
  const at = (run, what, unit) => median(run[what].map((one) => (unit ? one[unit] : one)));
  const ratio = (run, what, unit) =>
    median(run[what].map((one, i) => (unit ? one[unit] / reference[what][i][unit] : one / reference[what][i]))).toFixed(1);
  const node = process.versions.node.split(".")[0];
  console.log(
    `${availableParallelism()} cores, Node ${node}, medians of ${rounds} interleaved rounds, a chunk of ${PIECE.length} bytes.\n`,
  );
  row(["µs", "request, CPU", "×", "request, clock", "×", "chunk, CPU", "×", "chunk, clock", "×"]);
  row(["---", ...Array.from({ length: 8 }, () => "---:")]);
  for (const run of runs) {
    const cells = ["request", "chunk"].flatMap((what) =>
      ["cpu", "wall"].flatMap((unit) => [number(at(run, what, unit)), ratio(run, what, unit)]),
    );
    row([run.method.name, ...cells]);
  }
  console.log("");
  row(["first token, ms", "a session kept", "×", "a new client", "×", "a new process", "×"]);
  row(["---", ...Array.from({ length: 6 }, () => "---:")]);
  for (const run of runs) row([run.method.name, ...["warm", "fresh", "cold"].flatMap((what) => [number(at(run, what)), ratio(run, what)])]);
}

async function printSize() {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL("../packages/client/dist/index.js", import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    outfile: "sdk.js",
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
  });
  const parts = new Map();
  for (const [path, { bytesInOutput }] of Object.entries(Object.values(metafile.outputs)[0].inputs)) {
    const part =
      /node_modules\/(@[^/]+\/[^/]+|[^/]+)/.exec(path)?.[1] ??
      /packages\/(\w+)\/dist\/(nvidia|dstack)?/.exec(path)?.slice(1).join(" ").trim();
    parts.set(part, (parts.get(part) ?? 0) + bytesInOutput);
  }
  const [{ contents }] = outputFiles;
  const kB = (bytes) => (bytes / 1000).toFixed(1);
  console.log(
    `\nThe whole SDK for a page: ${kB(contents.length)} kB minified, ${kB(gzipSync(contents, { level: 9 }).length)} kB gzipped; minified, of it:`,
  );
  console.log(
    [...parts]
      .sort(([, a], [, b]) => b - a)
      .map(([part, bytes]) => `${part} ${kB(bytes)}`)
      .join(", "),
  );
}
