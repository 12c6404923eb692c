import type { Chat, Outcome } from "@bauta/client";
import { standing } from "./show-attestation.ts";
import { printable, type Terminal } from "./terminal.ts";

/** Shows an answer as it arrives, then its proof in a line. */
export async function showAnswer(terminal: Terminal, chat: Chat): Promise<{ content: string; outcome: Outcome }> {
  let content = "";
  let thinking = false;
  try {
    for await (const delta of chat) {
      if (delta.reasoning) terminal.write(terminal.dim(printable(delta.reasoning)));
      if (delta.content && thinking) terminal.write("\n\n");
      thinking = delta.content === "";
      content += delta.content;
      terminal.write(printable(delta.content));
    }
  } finally {
    terminal.line();
  }
  const outcome = await chat.outcome;
  showOutcome(terminal, outcome);
  return { content, outcome };
}

/** One line: verified, incomplete or unverified, and why. */
function showOutcome(terminal: Terminal, outcome: Outcome): void {
  const { good, bad, warn, dim } = terminal;
  const words = standing(outcome.attestation.result);
  const mark =
    outcome.status === "verified" ? good("✓ verified") : outcome.status === "incomplete" ? warn("– incomplete") : bad("✗ unverified");
  const detail = [
    words && warn(words),
    outcome.reason && printable(outcome.reason),
    outcome.status === "verified" && outcome.requestId && dim(`receipt ${printable(outcome.requestId)}`),
    outcome.usage && dim(`${outcome.usage.completion_tokens} tokens`),
  ].filter(Boolean);
  terminal.line([mark, ...detail].join(" · "));
}
