import type { ChatRequest } from "@bauta/protocol";
import type { Engine } from "@bauta/enclave";

/** An engine that does whatever it is told, the simplest way: it repeats the conversation. Keeps what it got. */
export function createEchoEngine(): Engine & { readonly requests: ChatRequest[] } {
  const requests: ChatRequest[] = [];
  return {
    name: "echo",
    contextTokens: 65_536,
    requests,
    async *generate(request) {
      requests.push(request);
      yield { type: "delta", reasoning: "They said: " };
      for (const { role, content } of request.messages) {
        yield { type: "delta", content: `${role}: ` };
        // In pieces of a few whole characters, as models answer.
        const characters = Array.from(content);
        for (let i = 0; i < characters.length; i += 8) yield { type: "delta", content: characters.slice(i, i + 8).join("") };
        yield { type: "delta", content: "\n" };
      }
      yield {
        type: "finish",
        reason: "stop",
        usage: { prompt_tokens: request.messages.length, completion_tokens: 1, total_tokens: request.messages.length + 1 },
      };
    },
    close: () => Promise.resolve(),
  };
}
