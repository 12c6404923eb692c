import type { Adapter } from "@bauta/conformance";
import { codeOf, openClient, reasonOf, result } from "./client-under-test.ts";

/**
 * `Client.chat`, as the conformance suite meets it.
 * @param members of a request, beside model and messages; they may hold the prompt
 */
export const createChatAdapter =
  (members: (prompt: string) => object = () => ({})): Adapter =>
  async (target) => {
    const { client, failure } = openClient(target);
    const { model, prompt } = target;
    let shown = "";
    try {
      const chat = await client.chat({ model, messages: [{ role: "user", content: prompt }], ...members(prompt) });
      for await (const { reasoning, content } of chat) shown += reasoning + content;
      const { status, reason } = await chat.outcome;
      return result(status, shown, reason);
    } catch (error) {
      return result(failure(codeOf(error)), shown, reasonOf(error));
    }
  };

export const chatAdapter = createChatAdapter();
