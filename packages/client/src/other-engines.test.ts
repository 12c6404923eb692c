import { describe, expect, it } from "vitest";
import { bautaOf } from "./index.ts";
import { MODEL, QUESTION, readAll, startServer } from "./scripted-server.test.ts";
import { chunk, createSealingEnclave, event, type Json, type SealedScript } from "./testing/sealing-enclave.ts";

// Answers as engines and gateways other than ours write them: what carries no text is left aside, and nothing else is.

const DONE = "data: [DONE]\n\n";
const callPiece = (index: number, id: string, args: unknown): Json => ({
  tool_calls: [{ index, id, type: "function", function: { name: "look_up", arguments: args } }],
});

async function ask(events: readonly string[], stream: boolean) {
  const client = (await createSealingEnclave({ answer: () => events })).client();
  const body = JSON.stringify({ model: MODEL, messages: QUESTION, stream });
  const response = await client.fetch(`${client.baseURL}/chat/completions`, { method: "POST", body });
  return { response, text: await response.text(), outcome: await bautaOf(response)?.outcome };
}

const assembled = async (events: readonly string[], receipt: SealedScript["receipt"] = {}) => {
  const client = (await createSealingEnclave({ answer: () => events, receipt })).client();
  const chat = await client.chat({ model: MODEL, messages: QUESTION });
  return readAll(chat);
};

describe("a stream sealed whole", () => {
  it("keeps two calls apart that the engine numbered alike", async () => {
    const events = [chunk(callPiece(0, "a", '{"city":"A"}')), chunk(callPiece(0, "b", '{"city":"B"}')), chunk({}, "tool_calls")].map(event);
    const { text, outcome } = await ask([...events, DONE], true);
    const seen = [...text.matchAll(/"tool_calls":\[\{"index":(\d),"id":"(\w)"/g)].map(([, index, id]) => `${index}${id}`);
    expect([outcome?.status, seen]).toEqual(["verified", ["0a", "1b"]]);
  });

  it.each([
    ["two calls run together", [chunk(callPiece(0, "a", '{"city":"A"}')), chunk(callPiece(0, "a", '{"city":"B"}'))]],
    ["arguments that are no text", [chunk(callPiece(0, "a", { city: "A" }))]],
    ["a call without a name", [chunk({ tool_calls: [{ index: 0, id: "a" }] })]],
    ["content that is no text", [chunk({ content: { text: "four" } })]],
    ["a whole message in a chunk", [{ ...chunk({}), choices: [{ index: 0, message: { role: "assistant", content: "four" } }] }]],
    ["text in an event without choices", [{ id: "1", text: "four" }]],
  ])("is never verified with %s", async (_what, chunks) => {
    const { response, text, outcome } = await ask([...chunks.map(event), event(chunk({}, "stop")), DONE], true);
    expect(outcome?.status).toBe("unverified");
    expect(text).toContain("not a stream of chat completion chunks");
    expect([response.status, text.includes("[DONE]")]).toEqual([200, false]);
  });

  it("is read past events without text, and its token counts are kept", async () => {
    const usage = { prompt_tokens: 5, completion_tokens: 0, total_tokens: 5 };
    const events = [
      event({ id: "chatcmpl-1", object: "chat.completion.chunk", model: "m", usage }),
      event({ type: "ping" }),
      "data: \n\n",
      event({ ...chunk({ content: "four" }), choices: [{ delta: { content: "four" }, finish_reason: "", matched_stop: 1 }] }),
      event(chunk({ role: "assistant" }, "stop")),
      event(chunk({ role: "assistant", content: "" })),
    ];
    expect(await assembled([...events, DONE], { usage })).toMatchObject({ text: "four", outcome: { status: "verified", usage } });
    const { text } = await ask([...events, DONE], true);
    expect(text).toContain('"choices":[{"delta":{"content":"four"},"finish_reason":null,"matched_stop":1,"index":0}]');
  });

  it("shows reasoning under its newer name", async () => {
    const events = [event(chunk({ reasoning: "hm" })), event(chunk({ content: "four" }, "stop")), DONE];
    expect(await assembled(events)).toMatchObject({ text: "four", reasoning: "hm", outcome: { status: "verified" } });
  });

  it.each([
    ["a text", event({ error: "out of memory" })],
    ["an object with a long message", event({ error: { message: `out of memory ${"x".repeat(5000)}` } })],
    ["the event's name", `event: error\n${event({ message: "out of memory" })}`],
  ])("is incomplete after an error that is %s, and tells the server's words", async (_form, error) => {
    const { outcome } = await assembled([event(chunk({ content: "fo" })), error, DONE]);
    expect(outcome).toMatchObject({ status: "incomplete", reason: expect.stringContaining("out of memory") as string });
    expect(outcome.reason?.length).toBeLessThan(500);
  });
});

describe("an answer that is one JSON value", () => {
  it("is no answer when it says an error in words", async () => {
    const { response, outcome } = await ask([JSON.stringify({ error: "out of memory" })], false);
    expect([response.status, outcome?.status]).toEqual([502, "incomplete"]);
  });
});

describe("a stream of sealed messages", () => {
  it("is read past events without text", async () => {
    const server = await startServer({
      chat: async (exchange) => exchange.stream(["data: \n\n", event({ type: "ping" }), ...(await exchange.events())]),
    });
    const chat = await server.client().chat({ model: "e2ee-scripted", messages: QUESTION });
    expect(await readAll(chat)).toMatchObject({ text: "Two and ☂ two", thrown: undefined });
  });

  it("is incomplete after an error in words, whose control characters do nothing", async () => {
    const server = await startServer({
      chat: async (exchange) => {
        const events = await exchange.events();
        exchange.stream([...events.slice(0, 2), event({ error: "Inference \u001b[2Jprocessing failed" }), DONE]);
      },
    });
    const { outcome } = await readAll(await server.client().chat({ model: "e2ee-scripted", messages: QUESTION }));
    expect(outcome).toMatchObject({ status: "incomplete", reason: expect.stringContaining("processing failed") as string });
    expect(outcome.reason).not.toContain("\u001b");
  });
});
