import { Transform } from "node:stream";
import type { ReadStream } from "node:tty";

const BEGIN = "\u001b[200~";
const END = "\u001b[201~";
/** What stands for a line break of a pasted text while it is edited in one line: shown as an arrow, never typed. */
const BREAK = "\u23ce\u2060";

/** How long the rest of a marker may take. */
const KEY_MS = 50;

/** Asks the terminal to say what was pasted, and no longer. */
export const PASTE_MODE = { on: "\u001b[?2004h", off: "\u001b[?2004l" } as const;

/**
 * A terminal's input in which what was pasted, however many lines it has, is one line until it is entered.
 * @see https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, "Bracketed Paste Mode"
 */
export function joinPasted(terminal: ReadStream): Transform & { setRawMode(on: boolean): void } {
  let held = "";
  let inPaste = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function take(text: string): string {
    let shown = "";
    let rest = held + text;
    held = "";
    while (rest !== "") {
      const marker = inPaste ? END : BEGIN;
      const at = rest.indexOf(marker);
      if (at === -1) {
        // A marker may come in two pieces.
        const cut = partialEnd(rest, marker);
        held = rest.slice(rest.length - cut);
        shown += write(rest.slice(0, rest.length - cut));
        break;
      }
      shown += write(rest.slice(0, at));
      rest = rest.slice(at + marker.length);
      inPaste = !inPaste;
    }
    return shown;
  }

  function release(): string {
    const text = held;
    held = "";
    return write(text);
  }

  const write = (text: string) => (inPaste ? text.replaceAll(/\r\n|\r|\n/g, BREAK).replaceAll("\t", "    ") : text);
  const stream = new Transform({
    decodeStrings: false,
    transform(chunk: Buffer | string, _encoding, done) {
      clearTimeout(timer);
      const shown = take(chunk.toString());
      // What begins like a marker and does not go on is a key, such as Escape.
      if (held !== "" && !inPaste) timer = setTimeout(() => stream.push(release()), KEY_MS);
      done(null, shown);
    },
    flush(done) {
      clearTimeout(timer);
      done(null, release());
    },
  });
  terminal.setEncoding("utf8");
  return Object.assign(terminal.pipe(stream), { setRawMode: (on: boolean) => void terminal.setRawMode(on) });
}

/** The line as it was pasted. */
export function restorePasted(line: string): string {
  return line.replaceAll(BREAK, "\n");
}

/** How many characters at the end of a text begin the marker. */
function partialEnd(text: string, marker: string): number {
  for (let length = Math.min(marker.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(marker.slice(0, length))) return length;
  }
  return 0;
}
