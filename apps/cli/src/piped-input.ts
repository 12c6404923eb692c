import { fstatSync } from "node:fs";
import { once } from "node:events";
import { text } from "node:stream/consumers";

const STANDARD_INPUT = 0;
/** How long a program that started this one may take to write, or to say that it will not. */
const SOCKET_MS = 1000;

/**
 * What another program or a file gives on standard input, to stand behind what was typed; empty in a terminal.
 *
 * A shell's pipe is read to its end. A program that starts commands often leaves them a socket as input and never says a
 * word; nobody would want to wait for that one.
 */
export async function readPiped(input: NodeJS.ReadStream = process.stdin): Promise<string> {
  if (input.isTTY) return "";
  if (isSocket(STANDARD_INPUT)) {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), SOCKET_MS);
    try {
      await once(input, "readable", { signal: silence.signal });
    } catch {
      input.destroy();
      return "";
    } finally {
      clearTimeout(timer);
    }
  }
  return text(input);
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}
