import OpenAI from "openai";
import { askWithTool, type Caller, type Json, seeChunks, seeCompletion, seeVectors } from "./caller.ts";

/** The openai package for JavaScript. */
export const openaiJavascript: Caller = {
  async ask({ baseUrl, apiKey, fetch }, { kind, body }) {
    const { chat, embeddings } = new OpenAI({ baseURL: baseUrl, apiKey, maxRetries: 0, ...(fetch && { fetch }) });
    const complete = async (json: Json) => (await chat.completions.create(json as OpenAI.ChatCompletionCreateParamsNonStreaming)) as Json;
    try {
      if (kind === "embeddings") return seeVectors(await embeddings.create(body as OpenAI.EmbeddingCreateParams));
      if (kind === "whole") return seeCompletion(await complete(body));
      if (kind === "tool") return await askWithTool(body, complete);
      const chunks: Json[] = [];
      for await (const chunk of await chat.completions.create(body as OpenAI.ChatCompletionCreateParamsStreaming)) {
        chunks.push(chunk);
        if (kind === "abort" && chunk.choices[0]?.delta.content) return {};
      }
      return seeChunks(chunks);
    } catch (error) {
      if (!(error instanceof OpenAI.APIError)) throw error;
      return { error: { status: error.status as number | undefined, code: error.code, param: error.param } };
    }
  },
};
