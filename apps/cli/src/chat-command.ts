import { nearestName } from "@bauta/attestation";

/** What a person can say to the chat itself. */
export const CHAT_COMMANDS = {
  "/help": "shows these lines",
  "/proof": "shows who could still read, and what was not checked",
  "/proof all": "shows every check of the enclave's evidence",
  "/new": "forgets the conversation",
  "/quit": "ends, as Ctrl-D does",
} as const;

export type ChatCommand = keyof typeof CHAT_COMMANDS;

/** What a person typed. */
export type Typed =
  | { readonly is: "nothing" }
  | { readonly is: "text"; readonly text: string }
  | { readonly is: "command"; readonly command: ChatCommand }
  | { readonly is: "unknown"; readonly problem: string };

/**
 * Tells what is asked of the model from what is said to the chat: a line that begins with a slash and one word is never sent,
 * since whoever mistyped a command did not mean to. Two slashes send a text that begins with one.
 */
export function readTyped(line: string): Typed {
  const text = line.trim();
  if (text === "") return { is: "nothing" };
  if (text.startsWith("//")) return { is: "text", text: text.slice(1) };
  const [word = ""] = text.split(/\s/, 1);
  // A path or a comment in what was pasted is no command.
  if (!/^\/[\p{L}?-]{0,20}$/u.test(word) || text.includes("\n")) return { is: "text", text };
  const asked = { "/exit": "/quit", "/?": "/help", "/": "/help" }[word] ?? word;
  if (text in CHAT_COMMANDS) return { is: "command", command: text as ChatCommand };
  if (asked in CHAT_COMMANDS && text === word) return { is: "command", command: asked as ChatCommand };
  const nearest = nearestName(word, Object.keys(CHAT_COMMANDS));
  const meant = nearest === undefined ? "/help lists what there is" : `did you mean ${nearest}?`;
  return { is: "unknown", problem: `${word} is no command, and was not sent; ${meant} A text that begins with / is sent with //` };
}
