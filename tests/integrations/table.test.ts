import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { commandExists } from "../support/commands.ts";
import { noPython } from "../support/python.ts";
import { skipUnless } from "../support/vectors.ts";
import type { Caller } from "./caller.ts";
import { type Endpoint, type Stack, startStack } from "./stack.ts";
import { CANARY, COLUMNS, type Row, ROWS, TARGETS } from "./table.ts";

const noCurl = skipUnless(commandExists("curl"), "curl", "apt-get install curl");
const isMissing = (client: string) => (client === "curl" && noCurl) || (client === "openai for Python" && noPython);

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.close());
beforeEach(async () => {
  await stack.outcomes();
  stack.sent.length = 0;
  stack.engine.asked.length = 0;
});

/** Unmodified clients, our gateway and enclave, and an engine that says what it was asked: each call of the table. */
describe.each(COLUMNS.filter(([client]) => !isMissing(client)))("%s, by %s", (_client, via, start) => {
  let caller: Caller;
  beforeAll(() => {
    caller = start();
  });
  afterAll(() => caller.close?.());

  describe.each(TARGETS)("over %s with %s", (version, model) => {
    let endpoint: Endpoint;
    beforeAll(async () => {
      endpoint = await stack.endpoint(via, version);
    });

    async function endpointOf({ wrongKey }: Row): Promise<Endpoint> {
      if (wrongKey === "proxy") return { ...endpoint, apiKey: "sk-nobodys" };
      return wrongKey === "server" ? stack.endpoint(via, version, { apiKey: "sk-nobodys" }) : endpoint;
    }

    it.each(ROWS.filter(({ wrongKey }) => via === "proxy" || wrongKey !== "proxy"))("$call", async (row) => {
      const { kind, body } = row.ask;
      const expected = row[version];
      const seen = await caller.ask(await endpointOf(row), { kind, body: { model, ...body } });
      if (kind === "abort") {
        await stack.engine.begun();
        await stack.engine.stopped();
      }
      const outcomes = await stack.outcomes();

      expect(seen).toMatchObject(expected);
      if (expected.error) {
        expect(outcomes).toEqual([]);
        expect(stack.engine.asked).toEqual([]);
      } else {
        // A tool takes two calls, and nothing is ever asked twice.
        const count = kind === "tool" ? 2 : 1;
        expect(outcomes).toEqual(Array.from({ length: count }, () => row.outcome ?? "verified"));
        expect(stack.engine.asked.length).toBe(count);
        expect(stack.sent.length).toBe(count);
      }
      expect(Buffer.concat(stack.sent).toString("latin1")).not.toContain(CANARY);
    });
  });
});
