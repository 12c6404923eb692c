import { createTerminal, type Terminal } from "./terminal.ts";

/** Nobody wonders about what takes less. */
const QUIET_MS = 1000;

/** What is waited for by now, in one line: collateral and GPUs are asked about at once. */
const waits = new Set<{ readonly words: string }>();

/** Waits for work, and says what for once it takes a while: on standard error, and only to a person who watches. */
export async function withProgress<T>(words: string, work: Promise<T>, terminal: Terminal = createTerminal(process.stderr)): Promise<T> {
  if (!terminal.interactive) return work;
  const wait = { words };
  const timer = setTimeout(() => {
    if (waits.size > 0) terminal.write(CLEAR_LINE);
    waits.add(wait);
    showWaits(terminal);
  }, QUIET_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    if (waits.delete(wait)) {
      // The line was for the wait alone.
      terminal.write(CLEAR_LINE);
      showWaits(terminal);
    }
  }
}

const CLEAR_LINE = "\r\u001b[2K";

function showWaits(terminal: Terminal): void {
  if (waits.size > 0) terminal.write(terminal.dim(`${[...waits].map(({ words }) => words).join(", ")} …`));
}
