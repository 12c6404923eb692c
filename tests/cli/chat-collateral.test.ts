import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Collateral } from "../../packages/attestation/src/index.ts";
import { type ScriptedService, startScriptedService } from "../../packages/attestation/src/testing/scripted-service.ts";
import { type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { type ScriptedEngine, startScriptedEngine } from "../support/scripted-engine.ts";
import { createVerifyFolder } from "../support/verify.ts";

const { folder, bauta, remove } = createVerifyFolder();

/** A service as live ones are: its answers bring no endorsements. What they brought lies in `collateral`. */
async function startBareRelay(gateway: string): Promise<{ server: Server; dropped: Set<string>; collateral: () => Collateral }> {
  let collateral: Collateral | undefined;
  const dropped = new Set(["endorsements"]);
  const relay = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { host: _host, connection: _connection, "content-length": _length, ...headers } = request.headers;
    const answer = await fetch(new URL(request.url ?? "/", gateway), {
      method: request.method ?? "GET",
      headers: headers as Record<string, string>,
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
    });
    let body: Uint8Array = new Uint8Array(await answer.arrayBuffer());
    if (request.url?.includes("/tee/attestation")) {
      const evidence = JSON.parse(Buffer.from(body).toString()) as { endorsements: Collateral };
      collateral = evidence.endorsements;
      body = Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(evidence).filter(([name]) => !dropped.has(name)))));
    }
    const kept = [...answer.headers].filter(([name]) => !/^(?:content-length|content-encoding|transfer-encoding|connection)$/.test(name));
    response.writeHead(answer.status, Object.fromEntries(kept)).end(body);
  };
  const server = createServer((request, response) => void relay(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    dropped,
    collateral() {
      if (!collateral) throw new Error("nothing was attested yet");
      return collateral;
    },
  };
}

describe("bauta chat with a service whose answers bring no collateral", () => {
  let engine: ScriptedEngine;
  let demo: RunningDemo;
  let relay: Awaited<ReturnType<typeof startBareRelay>>;
  let pcs: ScriptedService;
  let env: NodeJS.ProcessEnv;
  let ask: string[];

  beforeAll(async () => {
    engine = await startScriptedEngine(["hi"]);
    demo = await startDemoProcess(["--engine-url", engine.url]);
    relay = await startBareRelay(demo.gateway);
    const { port } = relay.server.address() as AddressInfo;
    env = { BAUTA_BASE_URL: `http://127.0.0.1:${port}/api/v1`, BAUTA_API_KEY: demo.apiKey };
    ask = ["chat", "--model", "e2ee-scripted", "--trust-root", demo.trustRoot, "--policy", demo.policy, "Hello"];
    await bauta([...ask, "--offline"], env);
    pcs = await startScriptedService(relay.collateral());
  });
  afterAll(async () => {
    await pcs?.close();
    relay?.server.close();
    relay?.server.closeAllConnections();
    await demo?.stop();
    await engine?.close();
    remove();
  });

  it("sends nothing when told to fetch none, and names the check", async () => {
    const outcome = await bauta([...ask, "--offline"], env);
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining("✗ e2ee-scripted NOT acceptable") });
    expect(outcome.stderr).toMatch(/– tdx\.[a-z-]+: .*collateral/);
    expect(engine.requests).toHaveLength(0);
  });

  it("says in one sentence that the source cannot be reached, and what to do, as text and as JSON; nothing is sent", async () => {
    const down = await bauta([...ask, "--pcs-url", "http://127.0.0.1:9"], env);
    expect(down).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("127.0.0.1:9 could not be reached") });
    expect(down.stderr).toContain("name another service with --pcs-url");
    expect(down.stderr.trimEnd().split("\n")).toHaveLength(1);
    const json = await bauta([...ask, "--pcs-url", "http://127.0.0.1:9", "--json"], env);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: "collateral_unavailable" } });
    expect(engine.requests).toHaveLength(0);
  });

  it("takes an address that is none for wrong usage, before anything is asked", async () => {
    const wrong = await bauta([...ask, "--pcs-url", "intel"], env);
    expect(wrong).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("--pcs-url: ") });
  });

  it("fetches what is missing, once, and keeps it for the next command", async () => {
    const first = await bauta([...ask, "--pcs-url", pcs.url], env);
    expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining("✓ verified") });
    const asked = pcs.requests.length;
    expect(asked).toBeGreaterThan(3);
    expect(await bauta([...ask, "--pcs-url", pcs.url], env)).toMatchObject({ code: 0 });
    expect(pcs.requests).toHaveLength(asked);
  });

  it("renews before use what is due, and goes on with what it has while the source is down", async () => {
    const sets = join(folder, "cache", "bauta", "collateral", "sets");
    await makeOlder(sets, 2 * 24 * 60 * 60_000);
    const asked = pcs.requests.length;
    expect(await bauta([...ask, "--pcs-url", pcs.url], env)).toMatchObject({ code: 0 });
    expect(pcs.requests.length).toBeGreaterThan(asked);
    await makeOlder(sets, 2 * 24 * 60 * 60_000);
    pcs.script = (_piece, response) => {
      response.writeHead(503).end();
      return true;
    };
    expect(await bauta([...ask, "--pcs-url", pcs.url], env)).toMatchObject({ code: 0, stderr: expect.stringContaining("✓ verified") });
  });

  it("sends nothing where the keys statement was taken out on the way, since the demo's policy requires it", async () => {
    pcs.script = () => false;
    const before = engine.requests.length;
    for (const name of ["keys", "keys_signature"]) relay.dropped.add(name);
    const outcome = await bauta([...ask, "--pcs-url", pcs.url], env);
    for (const name of ["keys", "keys_signature"]) relay.dropped.delete(name);
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining("– keys.signed: the answer has no keys statement") });
    expect(engine.requests).toHaveLength(before);
  });

  it("lists models without asking for any", async () => {
    const asked = pcs.requests.length;
    expect(await bauta(["models", "--pcs-url", pcs.url], env)).toMatchObject({ code: 0, stderr: "" });
    expect(pcs.requests).toHaveLength(asked);
  });
});

/** Makes all that is kept look as if it had been fetched earlier. */
async function makeOlder(folder: string, byMs: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const entry = JSON.parse(await readFile(join(folder, name), "utf8")) as { fetchedMs: number };
    await writeFile(join(folder, name), JSON.stringify({ ...entry, fetchedMs: entry.fetchedMs - byMs }));
  }
}
