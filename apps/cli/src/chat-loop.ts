import { createInterface } from "node:readline/promises";
import type { Readable } from "node:stream";
import { type Attestation, type ChatOptions, type Client, printableLine } from "@bauta/client";
import { CommandError } from "./exit.ts";
import { showAnswer } from "./show-answer.ts";
import { showAttestation, showChecks } from "./show-attestation.ts";
import { type Terminal } from "./terminal.ts";

export interface ChatLoopOptions extends Omit<ChatOptions, "signal"> {
  /** What the person types; the process's own input unless given. */
  readonly input?: Readable;
}

type Message = { role: "user" | "assistant"; content: string };

/**
 * A conversation in the terminal: attests first and shows it, keeps history, shows each answer's proof.
 * Only verified answers stay in the history, since anybody on the way could have written the others, and would then
 * speak with the model's voice in the next turn. Ends at /quit, Ctrl-D, or Ctrl-C at the prompt; Ctrl-C while an answer
 * streams stops that answer.
 * @returns false when an answer was not verified
 * @throws {CommandError} when the enclave is not acceptable: nothing was sent
 */
export async function chatInTerminal(client: Client, model: string, terminal: Terminal, options: ChatLoopOptions = {}): Promise<boolean> {
  const { input = process.stdin, ...chatOptions } = options;
  const { line, dim, bold, warn } = terminal;
  let attestation = await client.attest(model);
  showAttestation(terminal, model, attestation.result);
  if (!attestation.result.ok) throw new CommandError("the enclave is not acceptable, so nothing was sent");
  line(dim("/proof shows every check, /new forgets the conversation, /quit ends"));

  const prompt = createInterface({ input, output: process.stdout, terminal: terminal.interactive });
  let answering: AbortController | undefined;
  let ended = false;
  prompt.on("SIGINT", () => {
    if (answering) answering.abort();
    else prompt.close();
  });
  // Its end takes nothing from what was typed before, nor from an answer that still streams.
  prompt.on("close", () => (ended = true));

  const messages: Message[] = [];
  let allVerified = true;
  line();
  prompt.setPrompt(`${bold("you")} › `);
  prompt.prompt();
  for await (const text of prompt) {
    const words = text.trim();
    if (words === "/quit" || words === "/exit") break;
    if (words === "/proof") showChecks(terminal, attestation.result);
    else if (words === "/new") messages.length = 0;
    else if (words !== "") {
      answering = new AbortController();
      await ask(words, answering.signal);
      answering = undefined;
    }
    line();
    if (!ended) prompt.prompt();
  }
  prompt.close();
  return allVerified;

  async function ask(words: string, signal: AbortSignal): Promise<void> {
    const asked: Message = { role: "user", content: words };
    try {
      const chat = await client.chat({ model, messages: [...messages, asked] }, { ...chatOptions, signal });
      showNewKey(chat.attestation);
      const { content, outcome } = await showAnswer(terminal, chat);
      if (outcome.status === "verified") messages.push(asked, { role: "assistant", content });
      else {
        allVerified = false;
        line(warn("This question and its answer are left out of the conversation that follows."));
      }
    } catch (error) {
      if (!signal.aborted) allVerified = false;
      line(
        signal.aborted
          ? dim("stopped")
          : `${terminal.bad("error:")} ${printableLine(error instanceof Error ? error.message : String(error))}`,
      );
    }
  }

  /** Another enclave answers than the one shown: a restart, or a session that had expired. */
  function showNewKey(used: Attestation): void {
    const changed = used.result.claims.signing_address !== attestation.result.claims.signing_address;
    attestation = used;
    if (!changed) return;
    line(warn("The enclave has another key now; it was attested anew:"));
    showAttestation(terminal, model, used.result);
  }
}
