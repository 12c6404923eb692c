import type { Adapter, AdapterResult, Status } from "@bauta/conformance";
import type { Client, ClientOptions } from "@bauta/client";
import { type ClientUnderTest, codeOf, openClient, reasonOf, result } from "./client-under-test.ts";

export interface FetchFront {
  /** Asked for as a stream, or as one JSON value. */
  readonly stream: boolean;
  readonly unverified: NonNullable<ClientOptions["unverified"]>;
  /** Members beside model, stream and messages; they may hold the prompt. */
  readonly members?: (prompt: string) => object;
  /** Makes the call in front of a client; its own `fetch` unless given. */
  readonly front?: (client: Client) => (request: Request) => Promise<Response>;
}

type Json = Readonly<Record<string, unknown>>;

/** An API of OpenAI's shape in front of our client, as the conformance suite meets it. */
export const fetchAdapter =
  ({ stream, unverified, members, front }: FetchFront): Adapter =>
  async (target) => {
    const { model, prompt } = target;
    const tested = openClient(target, { unverified });
    const call = front?.(tested.client) ?? tested.client.fetch;
    const request = new Request(front ? "http://127.0.0.1:8787/v1/chat/completions" : `${tested.client.baseURL}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, stream, messages: [{ role: "user", content: prompt }], ...members?.(prompt) }),
    });
    try {
      const response = await call(request);
      if (response.ok && response.headers.get("bauta-protection") !== "sealed") throw new Error("an answer is not called sealed");
      return stream && response.ok ? await readStream(response, tested) : await readWhole(response, tested);
    } catch (error) {
      return result(tested.failure(codeOf(error)), "", reasonOf(error));
    }
  };

/** What a program sees that reads one JSON value: the answer, or an error in its place. */
async function readWhole(response: Response, { failure }: ClientUnderTest): Promise<AdapterResult> {
  const body = (await response.json()) as Json;
  if (!response.ok) return describeError(body, failure);
  const status = response.headers.get("bauta-outcome") as Status;
  const [choice] = body["choices"] as { readonly message: Json }[];
  return result(status, textOf(choice?.message), response.headers.get("bauta-reason") ?? undefined);
}

/** What a program sees that reads events to `[DONE]`, to an error among them, or to their end. */
async function readStream(response: Response, { failure }: ClientUnderTest): Promise<AdapterResult> {
  const text = await response.text();
  const [, said = "", reason] = /^: bauta-outcome (\w+)(?: (.*))?$/m.exec(text) ?? [];
  let shown = "";
  for (const line of text.split("\n")) {
    if (line === "data: [DONE]") return result(said as Status, shown, reason);
    if (!line.startsWith("data: ")) continue;
    const event = JSON.parse(line.slice("data: ".length)) as Json;
    if ("error" in event) return { ...describeError(event, failure), shown };
    const [choice] = event["choices"] as { readonly delta: Json }[];
    shown += textOf(choice?.delta);
  }
  return result("aborted", shown, "the stream ended without [DONE] or an error");
}

function describeError({ error }: Json, failure: ClientUnderTest["failure"]): AdapterResult {
  const { code, message } = error as { readonly code: string; readonly message: string };
  return result(code === "answer_incomplete" ? "incomplete" : failure(code), "", `${code}: ${message}`);
}

function textOf(message: Json | undefined): string {
  const texts = [message?.["reasoning_content"], message?.["content"]];
  return texts.filter((text) => typeof text === "string").join("");
}
