import type { ChatRequest } from "@bauta/protocol";
import { templateRole } from "./engine.ts";

/**
 * The body that an OpenAI-compatible engine gets. Optional members are sent only where the client set them,
 * since engines differ in which they know.
 * @param upstreamModel the engine's own name for the model
 */
export function createOpenAiBody(request: ChatRequest, upstreamModel: string): Record<string, unknown> {
  const { sampling } = request;
  const optional = {
    max_tokens: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    repetition_penalty: sampling.repetitionPenalty,
    seed: sampling.seed,
    stop: sampling.stop,
    reasoning_effort: sampling.reasoningEffort,
  };
  return {
    model: upstreamModel,
    messages: request.messages.map(({ role, content }) => ({ role: templateRole(role), content })),
    stream: true,
    stream_options: { include_usage: true },
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}
