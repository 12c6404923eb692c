import { HEADERS, parseHex, toHex, utf8 } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { type BodyOpener, sealBody, writeBinding } from "@bauta/protocol/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Adapter, Target } from "./adapter.ts";
import { conformanceCases, sealedBodyCases } from "./cases.ts";
import { type Conformance, createConformance } from "./run.ts";

type Json = Readonly<Record<string, unknown>>;

interface Sent {
  readonly response: Response;
  readonly open: ((nonceHex: string) => Promise<BodyOpener>) | undefined;
}

/** Asks the server whether it is verified, and seals to whatever key it names; without one it sends what it has. */
async function attestAndSend({ baseUrl, apiKey, model, prompt }: Target, stream: boolean): Promise<Sent | undefined> {
  const authorization = `Bearer ${apiKey}`;
  const nonce = toHex(backend.randomBytes(32));
  const evidence = (await (
    await fetch(`${baseUrl}/tee/attestation?model=${model}&nonce=${nonce}`, { headers: { authorization } })
  ).json()) as Json;
  if (evidence["verified"] !== true) return undefined;
  const statement = JSON.parse(typeof evidence["keys"] === "string" ? evidence["keys"] : "{}") as Json;
  const request = { model, stream, messages: [{ role: "user", content: prompt }] };
  const keyConfig = typeof statement["hpke_key_config"] === "string" ? parseHex(statement["hpke_key_config"], 256) : undefined;
  const post = (headers: Record<string, string>, body: BodyInit) =>
    fetch(`${baseUrl}/chat/completions`, { method: "POST", headers: { authorization, ...headers }, body, redirect: "manual" });
  if (!keyConfig) return { response: await post({ "content-type": "application/json" }, JSON.stringify(request)), open: undefined };
  const bound = writeBinding(request, { method: "POST", path: "/chat/completions", model, nowMs: Date.now() });
  const sealed = await sealBody({ backend, keyConfig, plaintext: utf8(JSON.stringify(bound)) });
  const headers = {
    [HEADERS.encapsulatedKey]: sealed.encapsulatedKey,
    [HEADERS.model]: model,
    [HEADERS.modelPublicKey]: String(evidence["signing_key"]),
  };
  return { response: await post(headers, sealed.body), open: (nonceHex) => sealed.openResponse(nonceHex) };
}

/** A client that seals as it should, and believes whatever comes back, in whatever form, to wherever it ends. */
const credulous =
  (stream: boolean): Adapter =>
  async (target) => {
    let shown = "";
    try {
      let sent = await attestAndSend(target, stream);
      for (let again = 0; sent && (sent.response.status === 421 || sent.response.status === 422) && again < 3; again++) {
        sent = await attestAndSend(target, stream);
      }
      if (!sent) return { status: "refused", shown };
      const { response, open } = sent;
      const nonceHex = response.headers.get(HEADERS.responseNonce);
      const opener = nonceHex === null ? undefined : await open?.(nonceHex).catch(() => undefined);
      const plaintexts: Uint8Array[] = [];
      try {
        for await (const bytes of response.body ?? []) plaintexts.push(...((await opener?.push(bytes)) ?? [bytes]));
      } catch {
        // Then that was it.
      }
      shown = textOf(Buffer.concat(plaintexts).toString());
      return { status: "verified", shown };
    } catch (error) {
      return { status: "refused", shown, reason: String(error) };
    }
  };

/** The text in events or in one JSON value. */
function textOf(body: string): string {
  type Part = { readonly content?: unknown; readonly reasoning_content?: unknown };
  let text = "";
  for (const line of body.split("\n")) {
    const json = line.startsWith("data: {") ? line.slice("data: ".length) : line;
    if (!json.startsWith("{")) continue;
    const { choices = [] } = JSON.parse(json) as { readonly choices?: readonly { readonly delta?: Part; readonly message?: Part }[] };
    for (const { delta, message } of choices) {
      const { reasoning_content: reasoning, content } = delta ?? message ?? {};
      for (const part of [reasoning, content]) if (typeof part === "string") text += part;
    }
  }
  return text;
}

/** What even such a client notices, or stumbles over: there is no sealing to such keys. */
const NOTICED = [
  "v2-keys/offered-other-kem",
  "v2-keys/offered-other-aead",
  "v2-keys/offered-longer",
  "v2-keys/offered-shorter",
  "v2-keys/offered-small-order",
];

describe("a client that seals whole requests, and believes what it is told", () => {
  let conformance: Conformance;
  beforeAll(async () => {
    conformance = await createConformance();
  });
  afterAll(() => conformance?.close());

  it("gets an honest answer, and is deceived by every case but the plainest", { timeout: 60_000 }, async () => {
    const outcomes = [];
    for (const testCase of sealedBodyCases) outcomes.push(await conformance.run(testCase, credulous(testCase.form !== "whole")));
    const harmless = outcomes.filter(({ expected }) => expected === "verified");
    expect(harmless.filter(({ ok }) => !ok)).toEqual([]);
    const hostile = outcomes.filter(({ expected }) => expected !== "verified");
    expect(hostile.filter(({ ok }) => ok).map(({ id }) => id)).toEqual(NOTICED);
    expect(hostile.flatMap(({ problems }) => problems)).toEqual(
      expect.arrayContaining([
        "a chat request was sent under forged evidence",
        "a request was sent that was not sealed whole",
        "the request was sent more than twice",
        "forged text was shown",
        "it was called verified",
      ]),
    );
  });

  it("is judged by what the provider saw: bodies that come again, and messages that are only sealed one by one", async () => {
    const honest = sealedBodyCases.find(({ id }) => id === "v2-harmless/honest") as (typeof sealedBodyCases)[number];
    const twice = await conformance.run(honest, async (target) => {
      const body = JSON.stringify({ model: target.model });
      for (let i = 0; i < 2; i++) await (await fetch(`${target.baseUrl}/chat/completions`, { method: "POST", body })).text();
      return { status: "aborted", shown: "" };
    });
    expect(twice.problems).toEqual([
      "expected verified, and it was aborted",
      "a request was sent that was not sealed whole",
      "the same request was sent again, not sealed anew",
    ]);
    expect(conformanceCases.some(({ protocol }) => protocol !== undefined)).toBe(false);
  });
});
