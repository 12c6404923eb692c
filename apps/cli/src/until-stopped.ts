/**
 * Settles at the first SIGINT, SIGTERM or SIGHUP, and when nobody reads the output any more. A second signal ends the process at once, for whoever does not want to
 * wait until everything is closed.
 */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.once("error", () => resolve());
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(130));
        resolve();
      });
    }
  });
}
