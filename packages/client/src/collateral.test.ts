import { CollateralError, type CollateralSource } from "@bauta/attestation";
import { describe, expect, it } from "vitest";
import { at, type Attested, MODEL, NOW_MS, QUESTION, readAll, rejection, simulator, startServer } from "./scripted-server.test.ts";

const withoutEndorsements = ({ endorsements: _endorsements, ...answer }: Attested) => answer;
const source = (fetch: CollateralSource["fetch"]): CollateralSource => ({ fetch, close: () => {} });
const startBare = async () => startServer({ attestation: withoutEndorsements });

describe("an answer that brings no collateral", () => {
  it("is judged by the configured source's, asked once for chats at once", async () => {
    const server = await startBare();
    let fetched = 0;
    const client = server.client({ collateral: source(async () => (fetched++, simulator.collateral)) });
    const chats = Array.from({ length: 5 }, async () => readAll(await client.chat({ model: MODEL, messages: QUESTION })));
    expect((await Promise.all(chats)).map(({ outcome }) => outcome.status)).toEqual(chats.map(() => "verified"));
    expect(fetched).toBe(1);
  });

  it("is not acceptable without a source, and nothing is sent", async () => {
    const server = await startBare();
    const error = await rejection(server.client().chat({ model: MODEL, messages: QUESTION }));
    expect(error).toMatchObject({ code: "attestation_refused" });
    expect(server.count("chat")).toBe(0);
  });

  it("is a typed error when the source fails", async () => {
    const server = await startBare();
    const failing = source(async () => {
      throw new CollateralError("collateral_unreachable", "https://pccs.example", "could not be reached");
    });
    const error = await rejection(server.client({ collateral: failing }).chat({ model: MODEL, messages: QUESTION }));
    expect(error).toMatchObject({ code: "collateral_unavailable", action: "retry" });
    expect(server.count("chat")).toBe(0);
  });

  it("is given up when the source takes too long, also one that heeds no signal; the next chat asks again", async () => {
    const server = await startBare();
    let deaf = true;
    const slow = source(async () => (deaf ? new Promise(() => {}) : simulator.collateral));
    const client = server.client({ collateral: slow, timeouts: { answerMs: 300 } });
    expect(await rejection(client.chat({ model: MODEL, messages: QUESTION }))).toMatchObject({
      code: "timeout",
      message: expect.stringContaining("collateral"),
    });
    expect(server.count("chat")).toBe(0);
    deaf = false;
    expect((await client.attest(MODEL)).result.ok).toBe(true);
  });

  it("stops at once when its caller does", async () => {
    const server = await startBare();
    const controller = new AbortController();
    const client = server.client({
      collateral: source(async () => {
        controller.abort(new Error("enough"));
        return new Promise(() => {});
      }),
    });
    await expect(client.attest(MODEL, { signal: controller.signal })).rejects.toThrow("enough");
  });
});

describe("a session", () => {
  it("ends with its collateral, however long it may live otherwise", async () => {
    let nowMs = NOW_MS;
    const server = await startServer();
    const client = server.client({ nowMs: () => nowMs, sessionMs: Infinity });
    const { expiresMs, result } = await client.attest(MODEL);
    expect(expiresMs).toBeLessThanOrEqual((result.collateral?.expiresMs ?? 0) + 1);
    nowMs = expiresMs - 1;
    await readAll(await client.chat({ model: MODEL, messages: QUESTION }));
    expect(server.count("tee/attestation")).toBe(1);
    nowMs = expiresMs;
    await client.chat({ model: MODEL, messages: QUESTION }).then(readAll, () => {});
    expect(server.count("tee/attestation")).toBe(2);
  });

  it("ends when its build is accepted no longer, and then nothing is sent", async () => {
    let nowMs = NOW_MS;
    const server = await startServer();
    const pinned = simulator.policy("pinned");
    const expires = new Date(NOW_MS + 5000).toISOString();
    const policy = { ...pinned, builds: [{ ...at(pinned.builds, 0), expires }] };
    const client = server.client({ nowMs: () => nowMs, policy });
    nowMs = NOW_MS + 4999;
    expect((await readAll(await client.chat({ model: MODEL, messages: QUESTION }))).outcome.status).toBe("verified");
    nowMs = NOW_MS + 5000;
    const error = await rejection(client.chat({ model: MODEL, messages: QUESTION }));
    expect(error).toMatchObject({ code: "attestation_refused", message: expect.stringContaining("accepted only until") });
    expect(server.count("chat")).toBe(1);
  });
});
