import type { Client } from "@bauta/client";
import { afterEach, describe, expect, it } from "vitest";
import { type RotatingStack, startRotatingStack } from "./rotating-stack.ts";

const A = "e2ee-a";
const B = "e2ee-b";

let stack: RotatingStack;
afterEach(() => stack?.close());

/** One call of OpenAI's API, with a question that nobody else asks. */
async function call(client: Client, model: string, question: string): Promise<string> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: question }] });
  const response = await client.fetch(`${client.baseURL}/chat/completions`, { method: "POST", body });
  const answer = (await response.json()) as { choices?: { message: { content: string } }[]; error?: { message: string } };
  if (answer.error) return `${response.status}: ${answer.error.message}`;
  return `${response.headers.get("bauta-outcome")}: ${answer.choices?.[0]?.message.content}`;
}

let asked = 0;

/** Many at once; each has to be answered, verified, and to have reached the engine once. */
async function callMany(client: Client, count: number, models: readonly string[]): Promise<void> {
  const questions = Array.from({ length: count }, () => `question ${asked++}`);
  const answers = await Promise.all(questions.map((question, i) => call(client, models[i % models.length] ?? "", question)));
  expect(answers).toEqual(questions.map((question) => `verified: answer to ${question}`));
  expect(questions.map((question) => stack.engine.counts.get(question))).toEqual(questions.map(() => 1));
}

// Slow machines may take their time: what counts is what becomes of each call.
describe.each(["v1", "v2"] as const)("over %s", { timeout: 60_000 }, (version) => {
  it("calls that all begin at once, to two models (v1: a thousand): each model is attested once, and has its own key", async () => {
    stack = await startRotatingStack([A, B]);
    const { client, attested, keys } = stack.client(version);
    await callMany(client, version === "v1" ? 1000 : 250, [A, B]);
    expect(attested.toSorted()).toEqual([A, B]);
    expect(keys.size).toBe(2);
  });

  it("an enclave that is restarted with another key: what had begun is answered, what comes after is attested anew, once", async () => {
    stack = await startRotatingStack([A]);
    const { client, attested, keys } = stack.client(version);
    await callMany(client, 50, [A]);
    const held = stack.engine.hold();
    const begun = callMany(client, 20, [A]);
    await held.reached(20);
    const stopped = stack.stop(0);
    held.release();
    await Promise.all([begun, stopped]);
    await stack.restart(0);
    await stack.verified(0);
    await callMany(client, 50, [A]);
    expect({ attested, keys: keys.size }).toEqual({ attested: [A, A], keys: 2 });
  });

  it("enclaves that are replaced one by one under load: no call fails, none is made twice", async () => {
    stack = await startRotatingStack([A, A]);
    const { client, keys } = stack.client(version);
    await callMany(client, 10, [A]);
    const replaced: true[] = [];
    const people = Promise.all(
      Array.from({ length: 10 }, async () => {
        while (replaced.length < 2) await callMany(client, 1, [A]);
      }),
    );
    const replace = async () => {
      for (const place of [0, 1]) {
        await stack.stop(place);
        await stack.restart(place);
        await stack.verified(place);
        replaced.push(true);
      }
    };
    await Promise.all([people, replace()]);
    await callMany(client, 10, [A]);
    expect(keys.size).toBeGreaterThan(1);
  });
});

it("the key for whole bodies replaced under load: who has the old one goes on with it, until its statement ends", async () => {
  stack = await startRotatingStack([A], { bodyKeyRotateMs: 60_000 });
  const { client, attested } = stack.client("v2");
  const keyOf = async () => (await client.attest(A)).result.hpkeKeyConfig;
  await callMany(client, 20, [A]);
  const first = await keyOf();
  // The key is replaced by whoever attests then, while a client that attested before has calls under way.
  const before = callMany(client, 50, [A]);
  stack.passMs(61_000);
  const { client: other, attested: others } = stack.client("v2");
  await Promise.all([before, callMany(other, 50, [A])]);
  await callMany(client, 50, [A]);
  expect({ attested, others }).toEqual({ attested: [A, A], others: [A] });
  // After a session's ten minutes it is attested anew, once, to the new key.
  stack.passMs(10 * 60_000);
  await callMany(client, 50, [A]);
  expect(attested).toEqual([A, A, A]);
  expect(await keyOf()).not.toEqual(first);
});
