import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 200;

/**
 * Does something that only one process at a time may do. Others wait with a line that says for whom; the lock of a
 * process that is gone is taken over.
 */
export async function withLock(path, act) {
  mkdirSync(dirname(path), { recursive: true });
  let told;
  while (!take(path)) {
    const holder = holderOf(path);
    if (holder === undefined) {
      removeStale(path);
      continue;
    }
    if (told !== holder) console.error(`Process ${holder} is installing or building here; waiting for it …`);
    told = holder;
    await sleep(POLL_MS);
  }
  const release = () => rmSync(path, { force: true });
  process.on("exit", release);
  try {
    return await act();
  } finally {
    process.off("exit", release);
    release();
  }
}

/** Whole at once: a lock that is there names its holder. */
function take(path) {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Another may have taken over a stale lock since it was looked at: that one's is put back. */
function removeStale(path) {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
    if (holderOf(aside) !== undefined) linkSync(aside, path);
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "EEXIST") throw error;
  }
  rmSync(aside, { force: true });
}

/** The process that has it; undefined when that is gone. */
function holderOf(path) {
  let pid;
  try {
    pid = Number(readFileSync(path, "utf8"));
    if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return error.code === "EPERM" ? pid : undefined;
  }
}
