import { spawn } from "node:child_process";
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
/** How long a child may take to end after it was asked to. */
const GRACE_MS = 5000;

/**
 * Runs a program in a process group of its own, so that a signal to this process ends all that the program has started,
 * and only then this process: what is left running would race whoever starts next.
 * @returns its exit code; or, where a signal ended it, the exit code that tells of that signal
 */
export async function runChild(command, args, options = {}) {
  const own = process.platform !== "win32";
  const child = spawn(command, args, { ...options, detached: own });
  let asked;
  let timer;
  const send = (signal) => {
    try {
      if (own && child.pid !== undefined) process.kill(-child.pid, signal);
      else child.kill(signal);
    } catch {
      // It has ended meanwhile.
    }
  };
  const ask = (signal) => {
    asked ??= signal;
    send(signal);
    timer ??= setTimeout(() => send("SIGKILL"), GRACE_MS);
  };
  for (const signal of SIGNALS) process.on(signal, ask);
  try {
    const { code, signal } = await new Promise((resolve) => {
      child.on("error", (error) => {
        console.error(`${command} could not be started: ${error.message}`);
        resolve({ code: 1, signal: null });
      });
      child.on("exit", (code, signal) => resolve({ code, signal }));
    });
    // Its own children may outlive it by a moment.
    if (asked) send("SIGKILL");
    const by = asked ?? signal;
    return by ? { code: undefined, signal: 128 + constants.signals[by] } : { code, signal: undefined };
  } finally {
    clearTimeout(timer);
    for (const signal of SIGNALS) process.off(signal, ask);
  }
}
