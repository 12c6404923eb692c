import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Client, createClient } from "@bauta/client";
import { createEnclave, type Engine } from "@bauta/enclave";
import { createSimulator } from "@bauta/simulator";
import { bautaCommand } from "../support/demo.ts";

/** `bauta gateway` in a process of its own, with the enclave in this one. */
export interface GatewayProcess {
  readonly client: Client;
  readonly baseUrl: string;
  readonly apiKey: string;
  /** All that it wrote to its standard error. */
  readonly log: () => string;
  /** Everything on the gateway's JavaScript heap, as JSON. */
  takeHeapSnapshot(): Promise<Buffer>;
  close(): Promise<void>;
}

export async function startGatewayProcess(engine: Engine, models: readonly string[]): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), "bauta-gateway-"));
  const snapshots = join(folder, "snapshots");
  mkdirSync(snapshots);
  const simulator = createSimulator({ nowMs: Date.now() });
  const enclave = createEnclave({
    platform: simulator,
    models: models.map((id) => ({ id, engine })),
    nowMs: Date.now,
    log: { level: "silent" },
    graceMs: 0,
    // Test runners set NODE_OPTIONS as they like.
    allowDebuggableProcess: true,
  });
  const { url } = await enclave.listen({ port: 0 });
  const apiKey = `key-${randomBytes(16).toString("hex")}`;
  const policy = simulator.policy("test");
  writeFileSync(join(folder, "root.der"), simulator.rootDer);
  writeFileSync(join(folder, "policy.json"), JSON.stringify(policy));
  const config = {
    listen: { host: "127.0.0.1", port: 0 },
    keys: [{ name: "test", sha256: createHash("sha256").update(apiKey).digest("hex") }],
    models: models.map((id) => ({
      id,
      name: id,
      context_length: 4096,
      max_completion_tokens: 4096,
      enclaves: [url],
      policy: "policy.json",
    })),
    trust_roots: ["root.der"],
    log_level: "trace",
    grace_seconds: 0,
  };
  writeFileSync(join(folder, "gateway.json"), JSON.stringify(config));

  const child = spawn(
    process.execPath,
    [
      "--heapsnapshot-signal=SIGUSR2",
      `--diagnostic-dir=${snapshots}`,
      bautaCommand,
      "gateway",
      "--config",
      join(folder, "gateway.json"),
      "--json",
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), "line").then(([first]) => first as string),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`bauta gateway ended with ${String(code)}: ${log}`))),
  ]);
  const { gateway } = JSON.parse(line) as { gateway: string };

  return {
    baseUrl: gateway,
    apiKey,
    client: createClient({ baseURL: gateway, apiKey, policy, trustRoots: [simulator.rootDer] }),
    log: () => log,
    async takeHeapSnapshot() {
      const watcher = watch(snapshots);
      const begun = once(watcher, "change");
      child.kill("SIGUSR2");
      await begun;
      watcher.close();
      // It is written without a pause: the process answers again when the file is whole.
      await fetch(`${gateway}/models`);
      const [file] = readdirSync(snapshots);
      if (file === undefined) throw new Error("the gateway wrote no heap snapshot");
      return readFileSync(join(snapshots, file));
    },
    async close() {
      const ended = once(child, "exit");
      if (child.exitCode === null && child.kill("SIGTERM")) await ended;
      await enclave.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
