import { packages } from "./ai-packages.ts";
import { type Caller, type Json, runTool, type Seen } from "./caller.ts";
import type { Endpoint } from "./stack.ts";

const { APICallError, createOpenAICompatible, embedMany, generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } =
  packages;

/** Vercel's AI SDK with its provider for servers that are compatible with OpenAI's. */
export const aiSdk: Caller = {
  async ask(endpoint, { kind, body }) {
    try {
      return await call(endpoint, kind, body);
    } catch (error) {
      if (!APICallError.isInstance(error)) throw error;
      const { error: said } = error.data as { error?: Json };
      return { error: { status: error.statusCode, code: said?.["code"], param: said?.["param"] } };
    }
  },
};

async function call({ baseUrl, apiKey, fetch }: Endpoint, kind: Parameters<Caller["ask"]>[1]["kind"], body: Json): Promise<Seen> {
  const provider = createOpenAICompatible({
    name: "bauta",
    baseURL: baseUrl,
    apiKey,
    includeUsage: true,
    supportsStructuredOutputs: true,
    ...(fetch && { fetch }),
  });
  const name = body["model"] as string;
  if (kind === "embeddings") {
    const { embeddings } = await embedMany({ model: provider.embeddingModel(name), values: body["input"] as string[], maxRetries: 0 });
    return { vectors: embeddings };
  }
  const common: Common = {
    model: provider(name),
    messages: toMessages(body["messages"] as Json[]),
    maxRetries: 0,
    ...(body["temperature"] !== undefined && { temperature: body["temperature"] as number }),
  };
  if (kind === "stream" || kind === "abort") return readStream(common, kind);
  if (body["response_format"]) {
    const { object } = await generateObject({ ...common, schema: jsonSchema(body["response_format"].json_schema.schema as object) });
    return { text: JSON.stringify(object) };
  }
  const result = await generateText({
    ...common,
    ...(body["tools"] && { tools: toTools(body["tools"] as Json[]), stopWhen: stepCountIs(2) }),
  });
  const [called] = result.steps.flatMap(({ toolCalls }) => toolCalls.map(({ input }) => input as Json));
  const { text, reasoningText: reasoning, finishReason: finish, usage } = result;
  return {
    text,
    finish,
    ...(reasoning && { reasoning }),
    ...(usage.totalTokens && { tokens: usage.totalTokens }),
    ...(called && { called }),
  };
}

interface Common {
  readonly model: Parameters<typeof generateText>[0]["model"];
  readonly messages: Parameters<typeof generateText>[0]["messages"] & object;
  readonly maxRetries: number;
  readonly temperature?: number;
}

async function readStream(common: Common, kind: "stream" | "abort"): Promise<Seen> {
  const controller = new AbortController();
  let failure: unknown;
  const result = streamText({
    ...common,
    abortSignal: controller.signal,
    onError: ({ error }) => void (failure = error),
  });
  let text = "";
  for await (const piece of result.textStream) {
    text += piece;
    if (kind === "abort") controller.abort();
  }
  // oxlint-disable-next-line typescript/only-throw-error -- the SDK's own, as it would have thrown it
  if (failure !== undefined) throw failure;
  if (kind === "abort") return {};
  const [finish, usage, reasoning] = [await result.finishReason, await result.usage, await result.reasoningText];
  return { text, finish, ...(reasoning && { reasoning }), ...(usage.totalTokens && { tokens: usage.totalTokens }) };
}

function toMessages(messages: readonly Json[]): Common["messages"] {
  return messages.map(({ role, content }) => {
    if (typeof content === "string") return { role: role as "user", content };
    const parts = (content as Json[]).map(({ text, image_url: image }) =>
      image
        ? { type: "image" as const, image: Buffer.from((image.url as string).replace(/^data:image\/png;base64,/, ""), "base64") }
        : { type: "text" as const, text: text as string },
    );
    return { role: role as "user", content: parts };
  });
}

function toTools(tools: readonly Json[]) {
  return Object.fromEntries(
    tools.map(({ function: { name, parameters } }) => [
      name as string,
      tool({ inputSchema: jsonSchema<Json>(parameters as object), execute: (input) => Promise.resolve(runTool(input)) }),
    ]),
  );
}
