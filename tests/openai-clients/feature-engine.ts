import type { Engine, EngineEvent } from "@bauta/enclave";
import type { ChatRequest } from "@bauta/protocol";

/** What a question has to say for an answer that does not end by itself. */
export const ENDLESS = "without end";
export const ANSWER = "2 + 2 is 4.";

/** An engine with every feature that is no model: it says what it was asked, so that a test sees what arrived. */
export interface FeatureEngine extends Engine {
  readonly requests: ChatRequest[];
  /** Resolves when the next answer without end has begun. */
  begun(): Promise<void>;
  /** Resolves when an answer without end was stopped. */
  stopped(): Promise<void>;
}

const USAGE = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 };

export function createFeatureEngine(): FeatureEngine {
  const requests: ChatRequest[] = [];
  const waiting: (() => void)[] = [];
  let stop: () => void = () => undefined;
  let stopping = new Promise<void>((resolve) => {
    stop = resolve;
  });

  async function* generate(request: ChatRequest, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    requests.push(request);
    const { rich } = request;
    const last = rich?.messages.at(-1) ?? request.messages.at(-1);
    if (typeof last?.content === "string" && last.content.includes(ENDLESS)) {
      for (const resolve of waiting.splice(0)) resolve();
      yield { type: "delta", content: "It begins" };
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      });
      stop();
      return;
    }
    if (rich?.tools && last?.role !== "tool") {
      const [tool] = rich.tools;
      yield { type: "delta", toolCalls: [{ index: 0, id: "call_0", name: tool?.name ?? "" }] };
      yield { type: "delta", toolCalls: [{ index: 0, arguments: '{"city":' }] };
      yield { type: "delta", toolCalls: [{ index: 0, arguments: '"Venice"}' }] };
      yield { type: "finish", reason: "tool_calls", usage: USAGE };
      return;
    }
    if (rich?.responseFormat) yield { type: "delta", content: JSON.stringify({ city: "Venice", bridges: 400 }) };
    else if (typeof last?.content === "object") yield { type: "delta", content: describe(last.content) };
    else if (last?.role === "tool") yield { type: "delta", content: `The tool said ${last.content}` };
    else {
      yield { type: "delta", reasoning: "Sums." };
      for (const content of ["2 + 2", " is ", "4."]) yield { type: "delta", content };
    }
    yield { type: "finish", reason: "stop", usage: USAGE };
  }

  return {
    name: "features",
    contextTokens: 65_536,
    features: { tools: true, images: true, schemas: true, logprobs: true, embeddings: true },
    requests,
    generate,
    embed: ({ input }) =>
      Promise.resolve({ vectors: input.map((text) => [text.length, 0.5]), usage: { ...USAGE, completion_tokens: 0, total_tokens: 5 } }),
    begun: () => new Promise((resolve) => void waiting.push(resolve)),
    async stopped() {
      await stopping;
      stopping = new Promise((resolve) => {
        stop = resolve;
      });
    },
    close: () => Promise.resolve(),
  };
}

type Parts = Exclude<NonNullable<ChatRequest["rich"]>["messages"][number]["content"], string>;

function describe(parts: Parts): string {
  return parts.map((part) => (part.type === "text" ? part.text : `an image of ${part.url.length} characters`)).join(": ");
}
