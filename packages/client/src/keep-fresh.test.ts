import { describe, expect, it } from "vitest";
import { MODEL, NOW_MS, QUESTION, readAll, rejection, reply, startServer } from "./scripted-server.test.ts";

const SESSION_MS = 600_000;

async function start(script: Parameters<typeof startServer>[0] = {}) {
  const server = await startServer(script);
  const clock = { nowMs: NOW_MS };
  const client = server.client({ nowMs: () => clock.nowMs, sessionMs: SESSION_MS });
  return { server, clock, client };
}

describe("keepFresh", () => {
  it("attests what is not attested, and again only when its session is about to end", async () => {
    const { server, clock, client } = await start();
    expect(await client.keepFresh([MODEL, MODEL])).toMatchObject([
      { model: MODEL, attestation: { model: MODEL }, freshUntilMs: NOW_MS + SESSION_MS },
    ]);
    clock.nowMs += SESSION_MS - 61_000;
    expect(await client.keepFresh([MODEL])).toMatchObject([{ attestation: undefined, freshUntilMs: NOW_MS + SESSION_MS }]);
    expect(server.count("tee/attestation")).toBe(1);
    clock.nowMs += 1_000;
    expect(await client.keepFresh([MODEL])).toMatchObject([
      { attestation: { attestedAtMs: clock.nowMs }, freshUntilMs: clock.nowMs + SESSION_MS },
    ]);
    expect(server.count("tee/attestation")).toBe(2);
    // Beyond the first session's end no request waits for an attestation.
    clock.nowMs += 61_000;
    expect((await readAll(await client.chat({ model: MODEL, messages: QUESTION }))).outcome.status).toBe("verified");
    expect(server.count("tee/attestation")).toBe(2);
  });

  it("keeps what is accepted when no evidence can be had, and says why", async () => {
    let isDown = false;
    const { clock, client, server } = await start({
      attestation: (honest, _request, response) => (isDown ? reply(response, 503, {}) : honest),
    });
    await client.keepFresh([MODEL]);
    isDown = true;
    const found = await client.keepFresh([MODEL], { aheadMs: SESSION_MS });
    expect(found).toMatchObject([{ attestation: undefined, error: { code: "server_error" }, freshUntilMs: NOW_MS + SESSION_MS }]);
    expect((await readAll(await client.chat({ model: MODEL, messages: QUESTION }))).outcome.status).toBe("verified");
    clock.nowMs += SESSION_MS;
    expect(await client.keepFresh([MODEL])).toMatchObject([{ error: { code: "server_error" }, freshUntilMs: undefined }]);
    expect(server.count("chat")).toBe(1);
  });

  it("ends a session whose enclave is not acceptable any more", async () => {
    let isHonest = true;
    const { client } = await start({ attestation: (honest) => (isHonest ? honest : { ...honest, intel_quote: "00".repeat(5000) }) });
    await client.keepFresh([MODEL]);
    isHonest = false;
    const found = await client.keepFresh([MODEL], { aheadMs: Infinity });
    expect(found).toMatchObject([{ attestation: { result: { ok: false } }, freshUntilMs: undefined }]);
    expect(await rejection(client.chat({ model: MODEL, messages: QUESTION }))).toMatchObject({ code: "attestation_refused" });
  });

  it("rejects with the signal's reason, and for what is no model's name", async () => {
    const { client } = await start();
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    expect(await rejection(client.keepFresh([MODEL], { signal: controller.signal }))).toBe(controller.signal.reason);
    expect(await rejection(client.keepFresh(["a b"]))).toMatchObject({ code: "invalid_request" });
  });
});
