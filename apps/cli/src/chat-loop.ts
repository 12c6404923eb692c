import { createInterface } from "node:readline/promises";
import type { Client } from "@bauta/client";
import { CommandError } from "./exit.ts";
import { showAnswer } from "./show-answer.ts";
import { showAttestation, showChecks } from "./show-attestation.ts";
import type { Terminal } from "./terminal.ts";

type Message = { role: "user" | "assistant"; content: string };

/**
 * A conversation in the terminal: attests first and shows it, keeps history, shows each answer's proof.
 * Ends at /quit, Ctrl-D, or Ctrl-C at the prompt; Ctrl-C while an answer streams stops that answer.
 * @throws {CommandError} when the enclave is not acceptable: nothing was sent
 */
export async function chatInTerminal(
  client: Client,
  model: string,
  terminal: Terminal,
  options: { allowGatewayVisible?: boolean } = {},
): Promise<void> {
  const { line, dim, bold } = terminal;
  const { result } = await client.attest(model);
  showAttestation(terminal, model, result);
  if (!result.ok) throw new CommandError("the enclave is not acceptable, so nothing was sent");
  line(dim("/proof shows every check, /new forgets the conversation, /quit ends"));

  const prompt = createInterface({ input: process.stdin, output: process.stdout, terminal: terminal.interactive });
  let answering: AbortController | undefined;
  let ended = false;
  prompt.on("SIGINT", () => {
    if (answering) answering.abort();
    else prompt.close();
  });
  prompt.on("close", () => {
    ended = true;
    answering?.abort();
  });

  const messages: Message[] = [];
  line();
  prompt.setPrompt(`${bold("you")} › `);
  prompt.prompt();
  for await (const text of prompt) {
    const words = text.trim();
    if (words === "/quit" || words === "/exit") break;
    if (words === "/proof") showChecks(terminal, result);
    else if (words === "/new") messages.length = 0;
    else if (words !== "") {
      answering = new AbortController();
      await answer(words, answering.signal);
      answering = undefined;
    }
    if (ended) break;
    line();
    prompt.prompt();
  }
  prompt.close();

  async function answer(words: string, signal: AbortSignal): Promise<void> {
    messages.push({ role: "user", content: words });
    try {
      const chat = await client.chat({ model, messages: [...messages] }, { signal, ...options });
      const { content } = await showAnswer(terminal, chat);
      messages.push({ role: "assistant", content });
    } catch (error) {
      messages.pop();
      line(signal.aborted ? dim("stopped") : `${terminal.bad("error:")} ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
