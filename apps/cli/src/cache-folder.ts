import { homedir } from "node:os";
import { join } from "node:path";
import { createTerminal } from "./terminal.ts";

/** Where this user's programs keep what can be had again; ours in a folder of this name. */
export function cacheFolder(name: string, { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local }: NodeJS.ProcessEnv = process.env): string {
  const caches = process.platform === "win32" && local ? local : xdg?.startsWith("/") ? xdg : join(homedir(), ".cache");
  return join(caches, "bauta", name);
}

/** Says on standard error what does not stop a command. */
export function warn(words: string): void {
  const terminal = createTerminal(process.stderr);
  terminal.line(`${terminal.warn("warning:")} ${words}`);
}
