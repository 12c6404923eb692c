import { createInterface } from "node:readline/promises";
import type { Readable } from "node:stream";
import { type Attestation, type ChatOptions, type Client, printableLine } from "@bauta/client";
import { CHAT_COMMANDS, type ChatCommand, readTyped } from "./chat-command.ts";
import { CommandError } from "./exit.ts";
import { joinPasted, PASTE_MODE, restorePasted } from "./pasted-input.ts";
import { showAnswer } from "./show-answer.ts";
import { showAttestation, showChecks } from "./show-attestation.ts";
import { showOpen } from "./show-result.ts";
import { type Terminal } from "./terminal.ts";
import { wrapText } from "./wrap-text.ts";

export interface ChatLoopOptions extends Omit<ChatOptions, "signal"> {
  /** What the person types; the process's own input unless given. */
  readonly input?: Readable;
}

/** Around a text of several lines. */
const QUOTES = '"""';

type Message = { role: "user" | "assistant"; content: string };

/**
 * A conversation in the terminal: attests first and shows it, keeps history, shows each answer's proof.
 * Only verified answers stay in the history, since anybody on the way could have written the others, and would then
 * speak with the model's voice in the next turn. Ends at /quit, Ctrl-D, or Ctrl-C on an empty line; Ctrl-C clears what is
 * typed, and stops an answer that streams.
 * @returns false when an answer was not verified
 * @throws {CommandError} when the enclave is not acceptable: nothing was sent
 */
export async function chatInTerminal(client: Client, model: string, terminal: Terminal, options: ChatLoopOptions = {}): Promise<boolean> {
  const { input = process.stdin, ...chatOptions } = options;
  const { line, dim, bold, warn } = terminal;
  let attestation = await client.attest(model);
  showAttestation(terminal, model, attestation.result);
  if (!attestation.result.ok) throw new CommandError("the enclave is not acceptable, so nothing was sent");
  note('/help lists commands, """ begins and ends a text of several lines, /quit ends');

  const isTerminal = terminal.interactive && input === process.stdin && process.stdin.isTTY;
  if (isTerminal) {
    terminal.write(PASTE_MODE.on);
    // However the process ends, by a signal too: the shell behind it would see the marks.
    process.once("exit", () => terminal.write(PASTE_MODE.off));
  }
  const prompt = createInterface({
    input: isTerminal ? joinPasted(process.stdin) : input,
    output: process.stdout,
    terminal: terminal.interactive,
  });
  let answering: AbortController | undefined;
  let ended = false;
  /** Lines of a text that goes on. */
  let block: string[] | undefined;
  prompt.on("SIGINT", () => {
    if (answering) answering.abort();
    else if (prompt.line === "" && block === undefined) prompt.close();
    else {
      block = undefined;
      line(dim("^C"));
      // To the end, and all before it away.
      prompt.write(null, { ctrl: true, name: "e" });
      prompt.write(null, { ctrl: true, name: "u" });
      ask("you");
    }
  });
  // Its end takes nothing from what was typed before, nor from an answer that still streams.
  prompt.on("close", () => (ended = true));

  const messages: Message[] = [];
  let allVerified = true;
  line();
  ask("you");
  for await (const text of prompt) {
    const whole = joinBlock(restorePasted(text));
    if (whole === undefined) {
      ask("...");
      continue;
    }
    if (whole.isBlock) await send(whole.text);
    else {
      const typed = readTyped(whole.text);
      if (typed.is === "command" && typed.command === "/quit") break;
      if (typed.is === "command") obey(typed.command);
      else if (typed.is === "unknown") line(warn(typed.problem));
      else if (typed.is === "text") await send(typed.text);
    }
    line();
    if (!ended) ask("you");
  }
  prompt.close();
  return allVerified;

  function ask(who: string): void {
    prompt.setPrompt(`${bold(who)} › `);
    prompt.prompt();
  }

  function note(text: string): void {
    for (const part of wrapText(text, terminal.width)) line(dim(part));
  }

  /** Puts a text of several lines together. @returns undefined while it goes on */
  function joinBlock(text: string): { readonly text: string; readonly isBlock: boolean } | undefined {
    const trimmed = text.trim();
    if (block === undefined && !trimmed.startsWith(QUOTES)) return { text, isBlock: false };
    const rest = block === undefined ? trimmed.slice(QUOTES.length) : text;
    const ends = rest.trimEnd().endsWith(QUOTES);
    const part = ends ? rest.trimEnd().slice(0, -QUOTES.length) : rest;
    const lines = [...(block ?? []), part];
    block = ends ? undefined : lines;
    return ends ? { text: lines.join("\n").trim(), isBlock: true } : undefined;
  }

  function obey(command: ChatCommand): void {
    if (command === "/proof") showOpen(terminal, attestation.result);
    else if (command === "/proof all") showChecks(terminal, attestation.result);
    else if (command === "/new") messages.length = 0;
    else for (const [name, meaning] of Object.entries(CHAT_COMMANDS)) line(`  ${name.padEnd(12)}${dim(meaning)}`);
  }

  async function send(words: string): Promise<void> {
    if (words === "") return;
    answering = new AbortController();
    await sendTo(words, answering.signal);
    answering = undefined;
  }

  async function sendTo(words: string, signal: AbortSignal): Promise<void> {
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
