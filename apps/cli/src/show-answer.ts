import { type Chat, type Outcome, printable, printableLine } from "@bauta/client";
import { createAnswerGutter } from "./answer-gutter.ts";
import { standing } from "./show-attestation.ts";
import { type Terminal } from "./terminal.ts";

/**
 * Shows an answer as it arrives, away from the first column, then its proof in a line that begins there.
 * @throws what the answer's iteration throws; what was shown till then ends its line
 */
export async function showAnswer(terminal: Terminal, chat: Chat): Promise<{ content: string; outcome: Outcome }> {
  let content = "";
  const thoughts = createAnswerGutter(terminal, terminal.dim);
  const answer = createAnswerGutter(terminal);
  try {
    for await (const delta of chat) {
      thoughts.write(printable(delta.reasoning));
      if (delta.content !== "" && content === "") thoughts.end();
      content += delta.content;
      answer.write(printable(delta.content));
    }
  } finally {
    thoughts.end();
    answer.end();
  }
  const outcome = await chat.outcome;
  showOutcome(terminal, outcome);
  return { content, outcome };
}

/**
 * Writes an answer for another program: the text alone, as the model wrote it. Its proof goes elsewhere.
 * @throws what the answer's iteration throws
 */
export async function pipeAnswer(terminal: Terminal, notes: Terminal, chat: Chat): Promise<Outcome> {
  let last = "";
  try {
    for await (const { content } of chat) {
      if (content === "") continue;
      terminal.write(content);
      last = content;
    }
  } finally {
    if (last !== "" && !last.endsWith("\n")) terminal.write("\n");
  }
  const outcome = await chat.outcome;
  showOutcome(notes, outcome);
  return outcome;
}

/** One line: verified, incomplete or unverified, and why. */
function showOutcome(terminal: Terminal, outcome: Outcome): void {
  const { good, bad, warn, dim } = terminal;
  const words = standing(outcome.attestation.result);
  const mark = { verified: good("✓ verified"), incomplete: warn("– incomplete"), unverified: bad("✗ unverified") }[outcome.status];
  const detail = [
    words && warn(words),
    outcome.reason && printableLine(outcome.reason),
    outcome.receiptKind === "documented" && warn("documented signature only"),
    outcome.usage && dim(plural(outcome.usage.completion_tokens, "token")),
    outcome.receipt && dim(`receipt ${shorten(printableLine(outcome.receipt.request_id))}`),
  ].filter(Boolean);
  terminal.line([mark, ...detail].join(" · "));
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** Enough of an id to tell answers apart on a line of 80 columns; `--json` has all of it. */
function shorten(id: string): string {
  return id.length > 24 ? `${id.slice(0, 23)}…` : id;
}
