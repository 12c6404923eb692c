import { HEADERS, parseHex, parseModelKey, toHex, utf8 } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { describe, expect, it } from "vitest";
import type { Adapter } from "./adapter.ts";
import { conformanceCases } from "./cases.ts";
import { createConformance, runConformance } from "./run.ts";

const hex = (text: string) => parseHex(text, 1 << 20);

async function aeadOf(secretKey: Uint8Array, publicKey: Uint8Array) {
  const x = backend.ecdhX(secretKey, publicKey);
  return x && backend.createAead(await backend.hkdfSha256(x, new Uint8Array(), utf8("ecdsa_encryption"), 32));
}

/**
 * A client as hasty programs have it: it asks the server whether it is verified, compares the nonce that the server
 * states, shows plaintext where it finds no envelope, and is content with whatever ended.
 */
const credulous: Adapter = async ({ baseUrl, apiKey, model, prompt }) => {
  const authorization = `Bearer ${apiKey}`;
  const nonce = toHex(backend.randomBytes(32));
  let shown = "";
  try {
    const evidence = (await (
      await fetch(`${baseUrl}/tee/attestation?model=${model}&nonce=${nonce}`, { headers: { authorization } })
    ).json()) as Record<string, string | boolean>;
    if (evidence["verified"] !== true || evidence["nonce"] !== nonce) return { status: "refused", shown };
    const modelKey = parseModelKey(String(evidence["signing_key"] ?? evidence["signing_public_key"])) ?? new Uint8Array();
    const own = backend.createKeyPair();
    const sealer = await aeadOf(own.secretKey, modelKey);
    if (!sealer) return { status: "refused", shown };
    const content = toHex(await sealer.seal(own.publicKey, backend.randomBytes(12), utf8(prompt)));
    const response = await fetch(`${baseUrl}/chat/completions`, {
      method: "POST",
      headers: {
        authorization,
        "content-type": "application/json",
        [HEADERS.clientPublicKey]: toHex(own.publicKey),
        [HEADERS.modelPublicKey]: toHex(modelKey),
        [HEADERS.signingAlgorithm]: "ecdsa",
      },
      body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content }] }),
    });
    const open = async (text: unknown): Promise<string> => {
      const raw = typeof text === "string" ? hex(text) : undefined;
      const aead = raw && raw.length >= 93 ? await aeadOf(own.secretKey, raw.slice(0, 65)) : undefined;
      const plain = raw && (await aead?.open(raw.slice(65, 77), raw.slice(77)));
      return plain ? new TextDecoder().decode(plain) : typeof text === "string" ? text : "";
    };
    for (const line of (await response.text()).split("\n")) {
      const json = line.startsWith("data: {") ? line.slice(6) : line.startsWith("{") ? line : undefined;
      if (json === undefined) continue;
      type Part = { content?: unknown; reasoning_content?: unknown };
      const { choices = [] } = JSON.parse(json) as { choices?: { delta?: Part; message?: Part }[] };
      for (const { delta = {}, message = {} } of choices) {
        for (const part of [delta.reasoning_content, delta.content, message.content]) shown += await open(part);
      }
    }
    return { status: "verified", shown };
  } catch (error) {
    return { status: "aborted", shown, reason: String(error) };
  }
};

/** What even such a client notices, or stumbles over. */
const NOTICED = [
  "attestation/replayed",
  "attestation/other-nonce-stated",
  "attestation/no-key",
  "attestation/key-off-curve",
  "attestation/key-compressed",
  "attestation/error",
  "attestation/only-a-claim",
];

describe("a client that believes what it is told", () => {
  it("gets an honest answer, and is deceived by every case but the plainest", async () => {
    const outcomes = await runConformance(credulous);
    const hostile = outcomes.filter(({ expected }) => expected !== "verified");
    expect(outcomes.find(({ id }) => id === "harmless/honest")?.problems).toEqual([]);
    expect(hostile.filter(({ ok }) => ok).map(({ id }) => id)).toEqual(NOTICED);
    const deceived = hostile.filter(({ safe }) => !safe);
    expect(deceived.length).toBeGreaterThan(hostile.length * 0.8);
    expect(deceived.flatMap(({ problems }) => problems)).toEqual(
      expect.arrayContaining([
        "a chat request was sent under forged evidence",
        "forged text was shown",
        "it was called verified",
        "the prompt came back as an answer",
      ]),
    );
  });

  it("is judged by what the provider saw, not by its own word; throwing and never ending are no way out", async () => {
    const conformance = await createConformance({ timeoutMs: 500 });
    const caseOf = (wanted: string) => conformanceCases.find(({ id }) => id === wanted) as (typeof conformanceCases)[number];
    const honest = caseOf("harmless/honest");
    try {
      const silent = await conformance.run(caseOf("attestation/garbage-quote"), async (target) => ({
        ...(await credulous(target)),
        status: "refused",
        shown: "",
      }));
      expect(silent).toMatchObject({ actual: "refused", safe: false, problems: ["a chat request was sent under forged evidence"] });
      const leaky = await conformance.run(honest, async ({ baseUrl, prompt }) => {
        await fetch(`${baseUrl}/models`, { headers: { "x-note": Buffer.from(`>${prompt}`).toString("base64") } });
        return { status: "aborted", shown: "" };
      });
      expect(leaky).toMatchObject({
        ok: false,
        safe: false,
        problems: ["expected verified, and it was aborted", expect.stringContaining("the prompt was in a request for models")],
      });
      const throwing = await conformance.run(honest, () => Promise.reject(new Error("no")));
      expect(throwing).toMatchObject({ actual: "failed", ok: false, reason: "no" });
      const endless = await conformance.run(honest, () => new Promise(() => {}));
      expect(endless).toMatchObject({ actual: "failed", ok: false });
    } finally {
      await conformance.close();
    }
  });
});
