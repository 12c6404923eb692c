import {
  type Adapter,
  type Conformance,
  type ConformanceCase,
  conformanceCases,
  createConformance,
  sealedBodyCases,
} from "@bauta/conformance";
import { createProxy } from "@bauta/proxy";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createChatAdapter } from "./chat-adapter.ts";
import { fetchAdapter, type FetchFront } from "./fetch-adapter.ts";

const [version1, version2] = [...conformanceCases, ...sealedBodyCases].filter(({ id }) => id.endsWith("harmless/honest")) as [
  ConformanceCase,
  ConformanceCase,
];
const proxy: FetchFront["front"] = (client) => createProxy({ client, nowMs: Date.now });
type Members = (prompt: string) => object;
const FRONTS: readonly (readonly [name: string, adapter: (members?: Members) => Adapter])[] = [
  ["chat", createChatAdapter],
  ["fetch", (members = () => ({})) => fetchAdapter({ stream: false, unverified: "error", members })],
  ["fetch, a stream", (members = () => ({})) => fetchAdapter({ stream: true, unverified: "error", members })],
  ["proxy", (members = () => ({})) => fetchAdapter({ stream: true, unverified: "error", members, front: proxy })],
];

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

describe("an honest provider whose clock differs from the client's", () => {
  it.each<[what: string, differsMs: number, testCase: ConformanceCase, expected: ConformanceCase["expected"]]>([
    // Nothing of version 1 is of the minute.
    ["an hour ahead, version 1", HOUR_MS, version1, "verified"],
    ["an hour behind, version 1", -HOUR_MS, version1, "verified"],
    ["an hour ahead, version 2", HOUR_MS, version2, "aborted"],
    ["an hour behind, version 2", -HOUR_MS, version2, "aborted"],
    ["a year ahead, version 1", YEAR_MS, version1, "refused"],
    ["a year behind, version 2", -YEAR_MS, version2, "refused"],
  ])("%s: the reason names the clock", async (_what, differsMs, testCase, expected) => {
    const conformance = await createConformance({ nowMs: () => Date.now() + differsMs });
    onTestFinished(() => conformance.close());
    for (const [front, adapter] of FRONTS) {
      const { problems, reason } = await conformance.run({ ...testCase, expected, refusesGenuine: true }, adapter());
      expect(problems, `${front}: ${reason}`).toEqual([]);
      if (expected !== "verified") expect(reason, front).toContain("clock");
    }
  });
});

const hold = (prompt: string) => ({ type: "function", function: { name: "look", description: prompt, parameters: { type: "object" } } });

describe("a member that version 1 cannot seal", () => {
  let conformance: Conformance;
  beforeAll(async () => {
    conformance = await createConformance();
  });
  afterAll(() => conformance?.close());

  it.each<[member: string, members: Members]>([
    ["tools", (prompt) => ({ tools: [hold(prompt)] })],
    ["functions", (prompt) => ({ functions: [hold(prompt).function] })],
    ["tool_choice", (prompt) => ({ tool_choice: { type: "function", function: { name: prompt } } })],
    ["stop", (prompt) => ({ stop: [prompt] })],
    ["response_format", (prompt) => ({ response_format: { type: "json_schema", json_schema: { name: "x", schema: { title: prompt } } } })],
    ["messages[0].content", (prompt) => ({ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: prompt } }] }] })],
    ["messages[0].tool_calls", (prompt) => ({ messages: [{ role: "assistant", content: "x", tool_calls: [hold(prompt)] }] })],
    ["messages[0].name", (prompt) => ({ messages: [{ role: "user", content: "x", name: prompt }] })],
    ["user", (prompt) => ({ user: prompt })],
    ["metadata", (prompt) => ({ metadata: { note: prompt } })],
    ["documents", (prompt) => ({ documents: [{ text: prompt }] })],
    ["venice_parameters.character_slug", (prompt) => ({ venice_parameters: { character_slug: prompt } })],
    ["temperature", (prompt) => ({ temperature: prompt })],
    ["prompt_cache_key", (prompt) => ({ prompt_cache_key: prompt })],
  ])("is refused by name, and nothing is sent: %s", async (member, members) => {
    for (const [front, adapter] of FRONTS) {
      const { problems, reason } = await conformance.run({ ...version1, expected: "refused", refusesGenuine: true }, adapter(members));
      expect(problems, `${front}: ${reason}`).toEqual([]);
      expect(reason, front).toContain(member);
    }
  });
});
