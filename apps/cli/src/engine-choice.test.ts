import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chooseEngine } from "./engine-choice.ts";

/** An OpenAI-compatible server that only lists its one model. */
let server: Server;
let engineUrl: string;

beforeAll(async () => {
  server = createServer((_request, response) => response.end(JSON.stringify({ data: [{ id: "Some/Model", max_model_len: 4096 }] })));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  engineUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

describe("chooseEngine", () => {
  it("takes what the model can do from whoever starts it, and nothing unless told", async () => {
    const told = await chooseEngine({ engineUrl, engineFeatures: "tools,images" });
    expect(told).toMatchObject({ label: "some-model", engine: { contextTokens: 4096, features: { tools: true, images: true } } });
    const untold = await chooseEngine({ engineUrl });
    expect(untold.engine.features ?? {}).toEqual({});
    await Promise.all([told.engine.close(), untold.engine.close()]);
  });

  it.each([
    [{ engineFeatures: "tools" }, "--engine-features goes with --engine-url"],
    [{ engineModel: "x" }, "--engine-model goes with --engine-url"],
    [{ engineUrl: "http://127.0.0.1:1/v1", modelFile: "x.gguf" }, "not both"],
    [{ engineUrl: "http://127.0.0.1:1/v1", engineFeatures: "tools,magic" }, '"magic" is none of tools, images'],
  ])("refuses %j", async (choice, words) => {
    await expect(chooseEngine(choice)).rejects.toThrow(words);
  });
});
