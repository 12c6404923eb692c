import { expect } from "vitest";

/** What a bomb may cost, in milliseconds. */
const MAX_MS = 100;
/** What it may take in memory, over what it brings itself. */
const MAX_BYTES = 48 * 1024 * 1024;

/** Runs something and holds it to its bounds. Processor time, since the machine may be busy; what is slow is slow each time. */
export async function bounded<T>(run: () => T | Promise<T>): Promise<T> {
  let fastestMs = Infinity;
  let outcome: T | undefined;
  for (let attempt = 0; attempt < 3 && fastestMs > MAX_MS; attempt++) {
    const before = process.memoryUsage();
    const started = process.cpuUsage();
    outcome = await run();
    const { user, system } = process.cpuUsage(started);
    fastestMs = Math.min(fastestMs, (user + system) / 1000);
    const after = process.memoryUsage();
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(MAX_BYTES);
  }
  expect(fastestMs).toBeLessThan(MAX_MS);
  return outcome as T;
}
