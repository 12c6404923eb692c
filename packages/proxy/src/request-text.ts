import { refuse, type Refused } from "./errors.ts";

/**
 * Reads a request's body whole, never more of it than is taken.
 * @returns its text, or the refusal
 * @throws what the body's stream throws when the caller goes away within it
 */
export async function readRequestText(request: Request, maxBytes: number): Promise<string | Refused> {
  // Also keeps out what a page can send without asking: forms and plain text.
  const type = request.headers.get("content-type") ?? "";
  if (!/^\s*application\/json\s*(?:;|$)/i.test(type) || request.headers.has("content-encoding")) {
    return refuse("unsupported_media_type");
  }
  if (Number(request.headers.get("content-length") ?? "0") > maxBytes) return refuse("too_large");
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = request.body?.getReader();
  let text = "";
  let length = 0;
  try {
    for (;;) {
      const piece = await reader?.read();
      if (!piece || piece.done) return text + decoder.decode();
      length += piece.value.length;
      if (length > maxBytes) {
        giveUp(reader);
        return refuse("too_large");
      }
      text += decoder.decode(piece.value, { stream: true });
    }
  } catch (error) {
    giveUp(reader);
    // A decoder's TypeError; a stream's own has no such code everywhere, so the signal tells them apart.
    if (error instanceof TypeError && !request.signal.aborted) return refuse("invalid_text");
    throw error;
  }
}

function giveUp(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): void {
  reader?.cancel().catch(() => undefined);
}
