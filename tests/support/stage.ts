let collecting = false;

/** Called by vitest's set-up: `true` before a file's tests are collected, `false` before the first of them runs. */
export function setCollecting(now: boolean): void {
  collecting = now;
}

/**
 * Refuses work on what a machine may lack while tests are merely being collected: there a skip comes too late, and a
 * clone with nothing beside it would fail before its first test.
 */
export function assertRunning(what: string): void {
  if (collecting) throw new Error(`${what} is read while tests are collected; read it in a test or in beforeAll`);
}
