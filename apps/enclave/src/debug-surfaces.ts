import { url as inspectorUrl } from "node:inspector";
import { EnclaveSetupError } from "./setup-error.ts";

/** Where code of someone else's choice, or a debugger, can get into a process. */
export interface ProcessView {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Node's own flags. */
  readonly execArgv: readonly string[];
  readonly inspectorUrl: string | undefined;
}

/** Variables that load code into a process or change its flags. */
const LOADING_VARIABLES = ["NODE_OPTIONS", "LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES"];
const DEBUG_FLAG = /^--(?:inspect|debug|heapsnapshot|heap-prof|cpu-prof|diagnostic-dir|report-)/;

/** This process, as it is now. */
export function currentProcess(): ProcessView {
  return { env: process.env, execArgv: process.execArgv, inspectorUrl: inspectorUrl() };
}

/** Names what makes a process debuggable; empty when nothing does. Values are left out, since they may be long or secret. */
export function findDebugSurfaces(view: ProcessView): readonly string[] {
  const variables = LOADING_VARIABLES.filter((name) => (view.env[name] ?? "") !== "");
  const flags = view.execArgv.filter((flag) => DEBUG_FLAG.test(flag)).map((flag) => flag.split("=", 1)[0] as string);
  const inspector = view.inspectorUrl === undefined || flags.some((flag) => flag.startsWith("--inspect")) ? [] : ["an open inspector"];
  return [...variables, ...flags, ...inspector];
}

/**
 * Stops an enclave from starting where its memory could be read or its code replaced.
 * @throws {EnclaveSetupError} `debuggable-process`, naming what was found
 */
export function assertNotDebuggable(surfaces: readonly string[]): void {
  if (surfaces.length === 0) return;
  throw new EnclaveSetupError(
    "debuggable-process",
    `the enclave does not start in a process that can be debugged or made to load other code: found ${surfaces.join(", ")}; start it without`,
  );
}
