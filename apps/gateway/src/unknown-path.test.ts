import { createSimulator } from "@bauta/simulator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

describe("a path that nothing serves", () => {
  const simulator = createSimulator({ nowMs: Date.now() });
  let target: TestGateway;
  beforeAll(async () => {
    target = await startTestGateway(
      { rootDer: simulator.rootDer, policy: () => simulator.policy("test") },
      { "e2ee-a": ["http://127.0.0.1:9"] },
    );
  });
  afterAll(() => target.gateway.close());

  const messageOf = async (path: string, method = "POST") => {
    const response = await target.fetch(path, { method, ...(method === "POST" && { body: "{}" }) });
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect([response.status, error.code]).toEqual([404, "not_found"]);
    return error.message;
  };

  it.each([
    ["/chat/completions", "/chat/completions is /v1/chat/completions here: end the base URL with /v1"],
    ["//chat//completions/", "end the base URL with /v1"],
    ["/embeddings", "end the base URL with /v1"],
    ["/v1/responses", "ask /chat/completions"],
    ["/api/v1/completions", "ask /chat/completions with messages"],
    ["/v1/whatever", "its API is below /v1 and /api/v1: /models, /tee/attestation"],
    ["/", "its API is below /v1 and /api/v1"],
  ])("%s says what to do", async (path, hint) => {
    expect(await messageOf(path)).toContain(hint);
  });

  it("repeats nothing of what was asked for", async () => {
    expect(await messageOf("/v1/canary-5d1c")).not.toContain("canary");
  });

  it("is none where slashes were doubled", async () => {
    const list = await target.fetch("//v1//models");
    expect([list.status, await list.json()]).toMatchObject([200, { data: [{ id: "e2ee-a" }] }]);
    const other = await target.fetch("/v1//models", { method: "POST", body: "{}" });
    expect([other.status, other.headers.get("allow")]).toEqual([405, "GET"]);
  });
});
