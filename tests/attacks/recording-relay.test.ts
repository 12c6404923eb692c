import { findText } from "@bauta/conformance";
import type { Engine } from "@bauta/enclave";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { E2EE_MODEL, recorded, type Stack, startStack, TEE_MODEL } from "./private-stack.ts";

/** Words that nothing else on the wire holds. Turns of a conversation, each with its answer. */
const TURNS: readonly { readonly asked: string; readonly reasoning: string; readonly answered: string }[] = [
  {
    asked: 'Cicisbeatura quotations, please: "libertinaggio"?',
    reasoning: "Considering cicisbeatura-related materials. ",
    answered: "Scaramouche replied: \\libertinaggio\\ notwithstanding…",
  },
  {
    asked: "Wieviel Überraschungsgäste? 🎭👩‍👩‍👧‍👦 नमस्ते-दुनिया",
    reasoning: "Überlegungsphasenweise… ",
    answered: "Siebenunddreißigtausend 🛶🛶 仮面舞踏会の招待状",
  },
  {
    asked: "</script>\r\n\u0000\u2028 data: [DONE]\n\ncontrolcharacters",
    reasoning: "event: pseudoprotocols\n\n",
    answered: "\ufeffbyteordermarks\u2029 and <b>angularbrackets</b>\n\n",
  },
];

const engine: Engine = {
  name: "scripted",
  contextTokens: 4096,
  async *generate({ messages }) {
    const { reasoning, answered } = TURNS[messages.filter(({ role }) => role === "user").length - 1] ?? { reasoning: "", answered: "" };
    yield { type: "delta", reasoning };
    const characters = Array.from(answered);
    // One piece is a whole sentence, the others are short.
    yield { type: "delta", content: characters.slice(0, -2).join("") };
    for (const content of characters.slice(-2)) yield { type: "delta", content };
    yield { type: "finish", reason: "stop", usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };
  },
  close: () => Promise.resolve(),
};

/** What must not be seen: whole texts, and each long word of them. Shorter ones turn up in any hex. */
function secrets(): string[] {
  const texts = TURNS.flatMap(({ asked, reasoning, answered }) => [asked, reasoning, answered]);
  const words = texts.flatMap((text) => text.split(/[\s"\\:,;.!?()<>/…]+/u)).filter((word) => Buffer.byteLength(word) >= 12);
  return [...texts, ...words];
}

describe("a relay that records every byte", () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ engine });
  });
  afterAll(() => stack?.close());

  async function converse(model: string): Promise<string[]> {
    const messages: { role: "system" | "user" | "assistant"; content: string }[] = [
      { role: "system", content: "Antwortekurzundbündig-systemprompt" },
    ];
    const outcomes: string[] = [];
    for (const { asked, reasoning, answered } of TURNS) {
      messages.push({ role: "user", content: asked });
      const chat = await stack.client.chat({ model, messages }, { allowGatewayVisible: model === TEE_MODEL });
      const shown = { reasoning: "", content: "" };
      for await (const delta of chat) {
        shown.reasoning += delta.reasoning;
        shown.content += delta.content;
      }
      expect(shown).toEqual({ reasoning, content: answered });
      messages.push({ role: "assistant", content: shown.content });
      outcomes.push((await chat.outcome).status);
    }
    return outcomes;
  }

  it("sees no word of a sealed conversation, in any direction, on either wire", async () => {
    expect(await converse(E2EE_MODEL)).toEqual(["verified", "verified", "verified"]);
    const wires = { up: stack.outer.up, down: stack.outer.down, innerUp: stack.inner.up, innerDown: stack.inner.down };
    const found = Object.entries(wires).flatMap(([wire, parts]) => {
      const bytes = Buffer.concat(parts);
      expect(bytes.length, wire).toBeGreaterThan(4_000);
      return [...secrets(), "Antwortekurzundbündig-systemprompt"].flatMap((secret) => {
        const form = findText(bytes, secret);
        return form === undefined ? [] : [`${wire}: ${secret} (${form})`];
      });
    });
    expect(found).toEqual([]);
    // The words went through all the same.
    expect(recorded(stack.outer).includes(E2EE_MODEL)).toBe(true);
  });

  it("sees each of them where the model is not sealed, so the recorder is not blind", async () => {
    expect(await converse(TEE_MODEL)).toEqual(["verified", "verified", "verified"]);
    for (const wire of [stack.outer, stack.inner]) {
      const bytes = recorded(wire);
      for (const { asked, answered } of TURNS) {
        expect(findText(bytes, asked), asked).toBeDefined();
        // Its last characters are pieces of their own.
        expect(findText(bytes, Array.from(answered).slice(0, -2).join("")), answered).toBeDefined();
      }
    }
  });
});
