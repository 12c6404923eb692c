/** What the provider got and gave in one conversation, in order. */
export interface RecordedCall {
  readonly kind: "models" | "attestation" | "chat" | "signature" | "nvidia" | "elsewhere";
  /** Attestation: the answer was not the enclave's own. */
  readonly forged: boolean;
  /** The request line's target, every header and the body. */
  readonly received: Buffer;
  readonly chat?: RecordedChat;
}

/** What of a chat request tells whether it came twice, or with less protection than it should have. */
export interface RecordedChat {
  /** The body, and nothing that a connection puts beside it. */
  readonly body: Buffer;
  /** It is sealed whole, as version 2 has it. */
  readonly sealedWhole: boolean;
  /** Of the answer that the client got; undefined while there is none. */
  status: number | undefined;
}

/** The forms in which a text could hide in recorded bytes, by name. */
export function formsOf(text: string): Readonly<Record<string, string>> {
  const bytes = Buffer.from(text);
  const escaped = JSON.stringify(text).slice(1, -1);
  return {
    plain: text,
    "JSON-escaped": escaped,
    "JSON-escaped in ASCII": escaped.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
    hex: bytes.toString("hex"),
    "URL-encoded": encodeURIComponent(text),
    // Base64 depends on how far into a group of three bytes the text begins; the ends of each form are not its own.
    base64: bytes.toString("base64").slice(0, -4),
    "base64, one byte in": Buffer.concat([Buffer.alloc(1), bytes])
      .toString("base64")
      .slice(4, -4),
    "base64, two bytes in": Buffer.concat([Buffer.alloc(2), bytes])
      .toString("base64")
      .slice(4, -4),
  };
}

/** The name of the first form of a text that recorded bytes hold; letters count in either case. */
export function findText(recorded: Uint8Array, text: string): string | undefined {
  const raw = Buffer.from(recorded).toString("latin1");
  const lower = raw.toLowerCase();
  for (const [name, form] of Object.entries(formsOf(text))) {
    const latin = Buffer.from(form).toString("latin1");
    if (latin !== "" && (name.startsWith("base64") ? raw.includes(latin) : lower.includes(latin.toLowerCase()))) return name;
  }
  return undefined;
}
