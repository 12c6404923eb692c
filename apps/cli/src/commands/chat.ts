import { text } from "node:stream/consumers";
import type { AttestationResult } from "@bauta/attestation";
import type { Command } from "commander";
import { type ConnectionFlags, withConnectionFlags } from "../connection-flags.ts";
import { CommandError, EXIT } from "../exit.ts";
import { createTerminal } from "../terminal.ts";

interface Flags extends ConnectionFlags {
  readonly model: string;
  readonly system?: string;
  readonly allowGatewayVisible?: true;
  readonly json?: true;
}

export function addChat(program: Command): void {
  withConnectionFlags(
    program
      .command("chat")
      .description("ask an attested model; the answer's proof is shown")
      .argument("[message...]", "what to ask, with standard input behind it; without either, a conversation in a terminal")
      .requiredOption("--model <id>", "an e2ee-… model, or a tee-… one with --allow-gateway-visible"),
  )
    .option("--system <text>", "a system message of your own")
    .option("--allow-gateway-visible", "INSECURE: ask a tee-… model although the gateway reads what is asked")
    .option("--json", "print one JSON object: answer, outcome, attestation")
    .addHelpText(
      "after",
      `
Examples:
  bauta chat --model e2ee-pocket --root root.der --policy p.yaml "What is 2+2?"
  bauta chat --model e2ee-pocket --policy p.yaml "Summarise:" <report.txt >summary.txt

In a pipe the answer alone is on standard output; who was attested, and the
verdict, which comes last, are on standard error.

Exit status: 0 the answer is verified, 1 it is not or nothing was sent, 2 wrong
usage.`,
    )
    .action(runChat);
}

async function runChat(words: string[], flags: Flags): Promise<void> {
  const { connect } = await import("../connect.ts");
  const { client } = await connect(flags);
  const { chatInTerminal } = await import("../chat-loop.ts");
  const { printableJson } = await import("@bauta/client");
  const { readPiped } = await import("../piped-input.ts");
  const { pipeAnswer, showAnswer } = await import("../show-answer.ts");
  const { showAttestation } = await import("../show-attestation.ts");
  const visible = { ...(flags.allowGatewayVisible && { allowGatewayVisible: true as const }) };
  const terminal = createTerminal();
  if (words.length === 0 && process.stdin.isTTY && terminal.interactive && !flags.json) {
    if (!(await chatInTerminal(client, flags.model, terminal, visible))) process.exitCode = EXIT.failed;
    return;
  }

  // What is not typed goes to another program: the answer alone.
  const notes = terminal.interactive ? terminal : createTerminal(process.stderr);
  const piped = words.length === 0 && !process.stdin.isTTY ? await text(process.stdin) : await readPiped();
  const question = words.length === 0 ? piped : [words.join(" "), piped].filter((part) => part.trim() !== "").join("\n\n");
  if (question.trim() === "") throw new CommandError("nothing to ask: give a message or write it to standard input", EXIT.usage);
  const messages = [
    ...(flags.system === undefined ? [] : [{ role: "system" as const, content: flags.system }]),
    { role: "user" as const, content: question },
  ];
  const { result } = await client.attest(flags.model);
  if (!flags.json) showAttestation(notes, flags.model, result);
  if (!result.ok) {
    const reason = "the enclave is not acceptable, so nothing was sent";
    if (!flags.json) throw new CommandError(reason, EXIT.failed);
    process.stdout.write(`${printableJson({ answer: null, outcome: { status: "refused", reason }, attestation: shown(result) })}\n`);
    process.exitCode = EXIT.failed;
    return;
  }

  const chat = await client.chat({ model: flags.model, messages }, visible);
  if (flags.json) {
    let content = "";
    let reasoning = "";
    for await (const delta of chat) {
      content += delta.content;
      reasoning += delta.reasoning;
    }
    const { attestation, ...outcome } = await chat.outcome;
    process.stdout.write(`${printableJson({ answer: { content, reasoning }, outcome, attestation: shown(attestation.result) })}\n`);
    if (outcome.status !== "verified") process.exitCode = EXIT.failed;
    return;
  }
  if (terminal.interactive) terminal.line();
  const outcome = terminal.interactive ? (await showAnswer(terminal, chat)).outcome : await pipeAnswer(terminal, notes, chat);
  if (outcome.status !== "verified") process.exitCode = EXIT.failed;
}

/** Without the key's bytes, which JSON would write as an object of numbers. */
function shown({ ok, simulated, debug, pinned, checks, claims, stated }: AttestationResult): object {
  return { ok, simulated, debug, pinned, checks, claims, stated };
}
