import { readFile } from "node:fs/promises";
import { parsePemCertificates } from "@bauta/attestation";
import { ClientError, createClient } from "@bauta/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScriptedEngine, startScriptedEngine } from "../../../tests/support/scripted-engine.ts";
import { type DemoStack, startDemo } from "./demo-stack.ts";
import { showDemo } from "./demo-words.ts";
import { createTerminal } from "./terminal.ts";

let engine: ScriptedEngine;
let stack: DemoStack;
beforeAll(async () => {
  engine = await startScriptedEngine(["Hello"]);
  stack = await startDemo({ engineUrl: engine.url, gatewayPort: 0, quoteEncoding: "base64", logLevel: "silent" }, () => {});
});
afterAll(async () => {
  await stack?.close();
  await engine?.close();
});

/** A client as the demo's reader would make it from the two files. */
async function connect(choose: (roots: readonly Uint8Array[]) => readonly Uint8Array[] = (roots) => roots) {
  const { baseUrl, apiKey, trustRootFile, policyFile } = stack;
  const trustRoots = choose(parsePemCertificates(await readFile(trustRootFile, "latin1")));
  return createClient({ baseURL: baseUrl, apiKey, trustRoots, policy: JSON.parse(await readFile(policyFile, "utf8")) as never });
}

describe("the demo", () => {
  it("chats with a client that knows its two files, which prove machine and GPU", async () => {
    const client = await connect();
    const { result } = await client.attest(stack.models[1]);
    expect(result).toMatchObject({ ok: true, simulated: true, claims: { gpus: [{ arch: "HOPPER" }] } });
    const required = result.checks.filter((check) => check.required).map(({ id }) => id);
    expect(required).toEqual(
      expect.arrayContaining(["gpu.named-by-enclave", "gpu.rim-driver", "gpu.rim-vbios", "gpu.measurements", "gpu.revocation"]),
    );
    const chat = await client.chat({ model: stack.models[1], messages: [{ role: "user", content: "Hi" }] });
    let text = "";
    for await (const { content } of chat) text += content ?? "";
    expect(text).toBe("Hello");
    expect((await chat.outcome).status).toBe("verified");
  });

  it("is refused by a client that knows only its machine's root", async () => {
    const asked = engine.requests.length;
    const client = await connect((roots) => roots.slice(0, 1));
    const { result } = await client.attest(stack.models[1]);
    expect(result).toMatchObject({ ok: false, simulated: true });
    expect(result.claims.gpus).toBeUndefined();
    expect(result.checks.find(({ id }) => id === "gpu.cert-chain")?.status).toBe("fail");
    const chat = client.chat({ model: stack.models[1], messages: [{ role: "user", content: "Hi" }] });
    await expect(Promise.resolve(chat)).rejects.toThrow(ClientError);
    expect(engine.requests.length).toBe(asked);
  });

  it("writes all roots and a policy that asks for its GPU", async () => {
    expect(parsePemCertificates(await readFile(stack.trustRootFile, "latin1"))).toHaveLength(4);
    expect(JSON.parse(await readFile(stack.policyFile, "utf8"))).toMatchObject({ builds: [{ name: "demo" }], gpu: { count: 1 } });
  });

  it("shows its GPU as a simulated one, within 80 columns", () => {
    let shown = "";
    const stream = { write: (text: string) => Boolean((shown += text)) } as NodeJS.WriteStream;
    showDemo(createTerminal(stream, {}), stack);
    expect(shown).toMatch(/^ {2}GPU {6}1 HOPPER, driver 999\.53\.77, VBIOS 53\.49\.4D\.00\.01 {2}SIMULATED GPU$/m);
    expect(shown.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });
});
