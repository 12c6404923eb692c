import { type Adapter, type ConformanceCase, conformanceCases, sealedBodyCases } from "@bauta/conformance";
import OpenAI, { APIError } from "openai";
import { type ClientUnderTest, openClient, reasonOf, result } from "./client-under-test.ts";
import { meetEvilProvider } from "./meet-evil-provider.ts";

/** OpenAI's own package on our `fetch`: what its user sees, who knows nothing of attestation. */
const openaiAdapter =
  (stream: boolean): Adapter =>
  async (target) => {
    const { model, prompt } = target;
    const tested = openClient(target);
    const { baseURL, fetch } = tested.client;
    const openai = new OpenAI({ baseURL, apiKey: "unused", fetch });
    const request = { model, messages: [{ role: "user" as const, content: prompt }] };
    let shown = "";
    try {
      if (stream) {
        for await (const { choices } of await openai.chat.completions.create({ ...request, stream })) shown += textOf(choices[0]?.delta);
      } else {
        const { choices } = await openai.chat.completions.create(request);
        shown = textOf(choices[0]?.message);
      }
      return result("verified", shown, undefined);
    } catch (error) {
      return result(statusOf(error, tested), shown, reasonOf(error));
    }
  };

function textOf(message: object | undefined): string {
  const { reasoning_content: reasoning, content } = (message ?? {}) as { readonly reasoning_content?: unknown; readonly content?: unknown };
  return [reasoning, content].filter((text) => typeof text === "string").join("");
}

function statusOf(error: unknown, { failure }: ClientUnderTest) {
  const code = error instanceof APIError ? (error.code ?? undefined) : undefined;
  return code === "answer_incomplete" ? "incomplete" : failure(code);
}

/**
 * One case of each kind and outcome: the others differ in what our client is given, not in what it hands on. GPUs take
 * long. Errors that a server may answer by are repeated by the package itself, as its user has it.
 */
const some = (form: ConformanceCase["form"]): readonly ConformanceCase[] => {
  const met = new Set<string>();
  return [...conformanceCases, ...sealedBodyCases].filter((testCase) => {
    const kind = `${testCase.id.split("/", 1).join("")} ${testCase.expected}`;
    if (testCase.gpus || (testCase.form !== undefined && testCase.form !== form) || met.has(kind)) return false;
    met.add(kind);
    return true;
  });
};

meetEvilProvider({ name: "the openai package, a stream", adapter: openaiAdapter(true), withholds: true }, some("stream"));
meetEvilProvider({ name: "the openai package, one completion", adapter: openaiAdapter(false), withholds: true }, some("whole"));
