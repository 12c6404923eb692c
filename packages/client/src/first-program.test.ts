import { describe, expect, it } from "vitest";
import { createClient, RefusalError } from "./index.ts";
import {
  API_KEY,
  ask,
  MODEL,
  NO_RECEIPT,
  QUESTION,
  readAll,
  replaceAt,
  reply,
  simulator,
  startServer,
  TEXT,
  toEvent,
} from "./scripted-server.test.ts";

const NEEDED = { baseURL: "http://127.0.0.1:1/api/v1", apiKey: API_KEY, policy: simulator.policy("pinned") };
const create = (options?: object) => createClient(options as Parameters<typeof createClient>[0]);
const refused = (field: string, ...words: string[]) =>
  expect.objectContaining({
    code: "invalid_option",
    action: "fix-request",
    details: { field },
    message: expect.stringMatching(new RegExp(words.map((word) => `(?=.*${word})`).join(""), "s")) as string,
  });

describe("createClient, called as a first program calls it", () => {
  it("says all that is missing at once", () => {
    expect(() => create()).toThrow(refused("baseURL", "baseURL, the server's API", "apiKey, the key", "policy, which enclaves"));
    expect(() => create({})).toThrow(refused("baseURL", "apiKey", "policy"));
    expect(() => create({ baseURL: NEEDED.baseURL, apiKey: undefined })).toThrow(refused("apiKey", "BAUTA_API_KEY", "policy"));
    expect(() => create({ ...NEEDED, policy: undefined })).toThrow(refused("policy", "venice"));
    expect(() => create("https://api.example.com" as unknown as object)).toThrow(refused("options"));
  });

  it.each([
    ["trustRoot", "did you mean trustRoots"],
    ["baseUrl", "did you mean baseURL"],
    ["apikey", "did you mean apiKey"],
    ["allowGatewayVisable", "did you mean allowGatewayVisible"],
    ["verify", "there is: baseURL"],
  ])("refuses the option %s, whatever it holds", (name, words) => {
    for (const value of [true, undefined]) expect(() => create({ ...NEEDED, [name]: value })).toThrow(refused(name, words));
  });

  it("refuses names within timeouts as well, and repeats no name that is none", () => {
    expect(() => create({ ...NEEDED, timeouts: { headMS: 1 } })).toThrow(refused("timeouts.headMS", "did you mean timeouts.headMs"));
    expect(() => create({ ...NEEDED, "a key\nof mine": 1 })).toThrow(refused("one"));
  });

  it("says what trust roots are when they are given as text", () => {
    for (const trustRoots of ["-----BEGIN CERTIFICATE-----", ["-----BEGIN CERTIFICATE-----"]]) {
      expect(() => create({ ...NEEDED, trustRoots })).toThrow(refused("trustRoots", "parsePemCertificates"));
    }
  });
});

describe("a policy as text", () => {
  const yaml = `# accepted by hand\n${toYaml(simulator.policy("pinned"))}`;

  it.each([
    ["YAML", yaml],
    ["JSON", JSON.stringify(simulator.policy("pinned"))],
  ])("is read from %s, and enforced", async (_, policy) => {
    const server = await startServer();
    expect(await ask(server, { policy })).toMatchObject({ text: TEXT, outcome: { status: "verified" } });
    const other = policy.replaceAll(/(mrtd"?: ?")[0-9a-f]{2}/g, "$1ee");
    expect(other).not.toBe(policy);
    await expect(server.client({ policy: other }).chat({ model: MODEL, messages: QUESTION })).rejects.toMatchObject({
      code: "attestation_refused",
    });
  });

  it("may be a built-in policy's name", async () => {
    const server = await startServer();
    await expect(server.client({ policy: "venice" }).chat({ model: MODEL, messages: QUESTION })).rejects.toMatchObject({
      code: "attestation_refused",
    });
  });

  it.each([
    ["venise", "did you mean venice"],
    ["policy.yaml", "file's name"],
    ["./venice", "file's name"],
    ["", "neither|must be"],
    ["version: 1\nbuild: []\n", "line 2: build: is not a known member"],
    ["version: [1\n", "line \\d: \\(whole\\): is neither YAML nor JSON"],
    ["version: 1\nversion: 1\n", "neither YAML nor JSON"],
  ])("%j is refused by whatever is called first", async (policy, words) => {
    const server = await startServer();
    const client = server.client({ policy });
    const message = expect.stringMatching(words) as string;
    await expect(client.models()).rejects.toMatchObject({ name: "PolicyError", action: "fix-request", message });
    await expect(client.chat({ model: MODEL, messages: QUESTION })).rejects.toMatchObject({ name: "PolicyError" });
    const answer = await client.fetch(`${client.baseURL}/chat/completions`, { method: "POST", body: "{}" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: "invalid_option", param: "policy", message } });
    expect(server.seen).toEqual([]);
  });
});

describe("an answer's text and its outcome", () => {
  const chat = async (change?: (events: string[]) => string[]) => {
    const server = await startServer({
      signature: (_, response) => reply(response, 404, {}),
      ...(change && {
        async chat(exchange) {
          exchange.stream(change(await exchange.events()));
        },
      }),
    });
    return server.client().chat({ model: MODEL, messages: QUESTION });
  };

  it("text() is the whole text, once it is verified", async () => {
    const answer = await chat();
    expect(await Promise.all([answer.text(), answer.text()])).toEqual([TEXT, TEXT]);
    expect(await answer.outcome).toMatchObject({ status: "verified" });
  });

  it("text() gives none of an answer that nothing proves", async () => {
    await expect((await chat((events) => events.slice(0, NO_RECEIPT))).text()).rejects.toMatchObject({ code: "answer_unverified" });
    await expect((await chat((events) => events.slice(0, 4))).text()).rejects.toMatchObject({ code: "answer_incomplete" });
    const forged = toEvent({ id: "x", model: MODEL, choices: [{ index: 0, delta: { content: "plain" } }] });
    const answer = await chat((events) => replaceAt(events, 3, forged));
    await expect(answer.text()).rejects.toBeInstanceOf(RefusalError);
    expect(await answer.outcome).toMatchObject({ status: "unverified" });
  });

  it("text() does not take the rest of an answer that is being iterated", async () => {
    const answer = await chat();
    for await (const _ of answer) break;
    await expect(answer.text()).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("outcome settles although nobody reads, and what it read can be iterated", async () => {
    const answer = await chat();
    expect(await answer.outcome).toMatchObject({ status: "verified" });
    expect(await readAll(answer)).toMatchObject({ text: TEXT, reasoning: "think", thrown: undefined });
  });

  it("outcome settles of a refused answer, and iterating it then throws", async () => {
    const forged = toEvent({ id: "x", model: MODEL, choices: [{ index: 0, delta: { content: "plain" } }] });
    const answer = await chat((events) => replaceAt(events, 3, forged));
    expect(await answer.outcome).toMatchObject({ status: "unverified" });
    const read = await readAll(answer);
    expect(read.thrown).toBeInstanceOf(RefusalError);
    expect(read.text).not.toContain("plain");
  });

  it("outcome may be waited for before, while and after somebody iterates", async () => {
    const answer = await chat();
    const before = answer.outcome.then(({ status }) => status);
    const seen: string[] = [];
    let during: Promise<string> | undefined;
    for await (const { content } of answer) {
      seen.push(content);
      during ??= answer.outcome.then(({ status }) => status);
    }
    expect([seen.join(""), await before, await during]).toEqual([TEXT, "verified", "verified"]);
    expect(await answer.outcome.finally(() => undefined)).toMatchObject({ status: "verified" });
  });

  it("to hold the outcome reads nothing", async () => {
    const { outcome, ...answer } = await chat();
    let settled = false;
    await new Promise((resolve) => setImmediate(resolve));
    for await (const _ of { [Symbol.asyncIterator]: answer[Symbol.asyncIterator] }) expect(settled).toBe(false);
    settled = true;
    expect(await outcome).toMatchObject({ status: "verified" });
  });
});

function toYaml(value: unknown, indent = ""): string {
  if (Array.isArray(value))
    return value.length === 0 ? " []\n" : `\n${value.map((one) => `${indent}-${item(one, `${indent}  `)}`).join("")}`;
  if (value === null || typeof value !== "object") return ` ${JSON.stringify(value)}\n`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const text = members.map(([name, member]) => `${indent}${name}:${toYaml(member, `${indent}  `)}`).join("");
  return indent === "" ? text : `\n${text}`;
}

/** A list's object begins on its dash's line. */
function item(value: unknown, indent: string): string {
  const text = toYaml(value, indent);
  return text.startsWith("\n") ? ` ${text.slice(1).trimStart()}` : text;
}
