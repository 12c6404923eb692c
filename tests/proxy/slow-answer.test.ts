import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, { APIUserAbortError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { type PatientEngine, startPatientEngine } from "./patient-engine.ts";
import { proxySettings, type RunningProxy, startProxy } from "./running-proxy.ts";

const messages = [{ role: "user" as const, content: "Hello" }];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "bauta-proxy-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settings = (demo: RunningDemo) => proxySettings(demo, folder);

describe("bauta proxy and a slow answer", () => {
  let engine: PatientEngine;
  let demo: RunningDemo;
  let proxy: RunningProxy;
  let openai: OpenAI;
  beforeAll(async () => {
    engine = await startPatientEngine();
    demo = await startDemoProcess(["--engine-url", engine.url, "--engine-model", "patient"]);
    const { args, env } = settings(demo);
    proxy = await startProxy([...args, "--models", "e2ee-patient"], env);
    openai = new OpenAI({ baseURL: proxy.baseUrl, apiKey: "x", maxRetries: 0 });
  });
  afterAll(async () => {
    await proxy?.stop();
    await demo?.stop();
    await engine?.close();
  });

  it("hands each piece on as it is made", async () => {
    const call = openai.chat.completions.create({ model: "e2ee-patient", messages, stream: true });
    const answer = await engine.nextAnswer();
    const stream = await call;
    const chunks = stream[Symbol.asyncIterator]();
    const next = async () => {
      for (;;) {
        const { done, value } = await chunks.next();
        const text: string | null | undefined = done === true ? "(end)" : value.choices[0]?.delta.content;
        if (text) return text;
      }
    };
    answer.say("one");
    expect(await next()).toBe("one");
    answer.say("two");
    expect(await next()).toBe("two");
    answer.finish();
    expect(await next()).toBe("(end)");
    expect(await proxy.nextLine()).toMatchObject({ outcome: "verified" });
  });

  it.each([
    ["before the first piece of a stream", true, false],
    ["within a stream", true, true],
    ["before the end of a whole answer", false, true],
  ])("stops the engine within a second when its caller goes %s", async (_name, stream, speak) => {
    const controller = new AbortController();
    const call = openai.chat.completions.create({ model: "e2ee-patient", messages, stream }, { signal: controller.signal });
    const reading = call.then(async (answer) => {
      if (stream) for await (const _ of answer as AsyncIterable<unknown>);
    });
    const settled = reading.catch((error: unknown) => error);
    const answer = await engine.nextAnswer();
    if (speak) answer.say("a beginning");
    const at = performance.now();
    controller.abort();
    expect((await answer.goneMs) - at).toBeLessThan(1000);
    const error = await settled;
    expect(error === undefined || error instanceof APIUserAbortError).toBe(true);
    const line = await proxy.nextLine();
    expect(line.outcome === "incomplete" || line.status === 499).toBe(true);
  });

  it("ends an answer that breaks off with an error, and never with [DONE]", async () => {
    const call = fetch(`${proxy.baseUrl}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "e2ee-patient", messages, stream: true }),
    });
    const answer = await engine.nextAnswer();
    answer.say("a beginning");
    const response = await call;
    await engine.close();
    const text = await response.text();
    expect(text).toContain('data: {"error":');
    expect(text).toContain("bauta-outcome incomplete");
    expect(text).not.toContain("[DONE]");
    expect(await proxy.nextLine()).toMatchObject({ outcome: "incomplete" });
    engine = await startPatientEngine();
  });
});

describe("bauta proxy when it is stopped", () => {
  it("lets the answer under way end, takes no other, and then ends", async () => {
    const engine = await startPatientEngine();
    const demo = await startDemoProcess(["--engine-url", engine.url, "--engine-model", "patient"]);
    const { args, env } = settings(demo);
    const proxy = await startProxy(args, env);
    try {
      const call = fetch(`${proxy.baseUrl}/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "e2ee-patient", messages, stream: true }),
      });
      const answer = await engine.nextAnswer();
      answer.say("one ");
      const response = await call;
      const stopped = proxy.stop("SIGINT");
      while (!proxy.output().includes("finishing 1 answer")) await new Promise((resolve) => proxy.process.stderr?.once("data", resolve));
      await expect(fetch(`${proxy.origin}/healthz`)).rejects.toThrow();
      answer.say("two");
      answer.finish();
      const text = await response.text();
      expect(text).toContain("one ");
      expect(text).toContain("two");
      expect(text).toMatch(/data: \[DONE\]\n\n$/);
      expect(await stopped).toBe(0);
    } finally {
      await proxy.stop();
      await demo.stop();
      await engine.close();
    }
  });
});
