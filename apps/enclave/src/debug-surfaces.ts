import { url as inspectorUrl } from "node:inspector";
import { EnclaveSetupError } from "./setup-error.ts";

/** Where code or certificates of someone else's choice, or a debugger, can get into a process. */
export interface ProcessView {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Node's own arguments. */
  readonly execArgv: readonly string[];
  readonly inspectorUrl: string | undefined;
}

/** Variables that load code into a process, or say where its libraries come from. */
const CODE_VARIABLES = [
  "NODE_OPTIONS",
  "NODE_PATH",
  "NODE_COMPILE_CACHE",
  "LD_PRELOAD",
  "LD_LIBRARY_PATH",
  "LD_AUDIT",
  "DYLD_INSERT_LIBRARIES",
  "DYLD_LIBRARY_PATH",
  "DYLD_FRAMEWORK_PATH",
  "OPENSSL_CONF",
  "OPENSSL_MODULES",
  "OPENSSL_ENGINES",
  "GGML_BACKEND_PATH",
];
/** Variables that write out what passes through a process. */
const OUTPUT_VARIABLES = ["NODE_DEBUG", "NODE_DEBUG_NATIVE", "NODE_V8_COVERAGE", "SSLKEYLOGFILE"];
/** Variables that make a stranger's certificate good: prompts go to whoever then answers as the engine. */
const TRUST_VARIABLES = ["NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA", "NODE_TLS_REJECT_UNAUTHORIZED", "SSL_CERT_FILE", "SSL_CERT_DIR"];
const VARIABLES = [...CODE_VARIABLES, ...OUTPUT_VARIABLES, ...TRUST_VARIABLES];

/** The arguments of Node's that an enclave may be started with; they load nothing and open nothing. */
const HARMLESS_ARGUMENT =
  /^--(?:max[-_]old[-_]space[-_]size=\d+|max[-_]semi[-_]space[-_]size=\d+|enable-source-maps|no-deprecation|no-warnings|disable-sigusr1)$/;

/** This process, as it is now. */
export function currentProcess(): ProcessView {
  return { env: process.env, execArgv: process.execArgv, inspectorUrl: inspectorUrl() };
}

/** Names what makes a process debuggable; empty when nothing does. Values are left out, since they may be long or secret. */
export function findDebugSurfaces(view: ProcessView): readonly string[] {
  const variables = VARIABLES.filter((name) => (view.env[name] ?? "") !== "");
  const refused = view.execArgv.filter((argument) => !HARMLESS_ARGUMENT.test(argument));
  const flags = [...new Set(refused.flatMap((argument) => /^--?[\w-]+/.exec(argument) ?? []))];
  // A value on its own stands behind the flag that takes it.
  if (refused.length > 0 && flags.length === 0) flags.push("an argument of Node's");
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
    `the enclave does not start in a process that can be debugged, or made to load other code or trust other certificates: found ${surfaces.join(", ")}; start it without`,
  );
}

/**
 * Takes the signal that opens Node's debugger, from now on and for the whole process: a listener stands in the place
 * of Node's own handler. Calling it again changes nothing.
 */
export function refuseDebuggerSignal(): void {
  if (!process.listeners("SIGUSR1").includes(onDebuggerSignal)) process.on("SIGUSR1", onDebuggerSignal);
}

function onDebuggerSignal(): void {
  process.stderr.write("SIGUSR1 ignored: no debugger is opened in an enclave\n");
}
