import { createTerminal, type Terminal } from "./terminal.ts";

/** Nobody wonders about what takes less. */
const QUIET_MS = 1000;

/** Waits for work, and says what for once it takes a while: on standard error, and only to a person who watches. */
export async function withProgress<T>(words: string, work: Promise<T>, terminal: Terminal = createTerminal(process.stderr)): Promise<T> {
  if (!terminal.interactive) return work;
  let shown = false;
  const timer = setTimeout(() => {
    shown = true;
    terminal.write(terminal.dim(`${words} …`));
  }, QUIET_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    // The line was for the wait alone.
    if (shown) terminal.write("\r\u001b[2K");
  }
}
