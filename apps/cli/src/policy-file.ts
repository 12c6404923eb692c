import {
  builtInPolicies,
  builtInPolicy,
  parsePolicyDocument,
  type Policy,
  type PolicyDocument,
  PolicyError,
  readPolicyDocument,
  SyntaxProblem,
} from "@bauta/attestation";
import { extname } from "node:path";
import { CommandError, EXIT } from "./exit.ts";
import { readInputFile } from "./input-file.ts";

const MAX_POLICY_BYTES = 1024 * 1024;

export type PolicyFormat = "yaml" | "json";

/** A policy file as it was read. */
export interface PolicyFile {
  readonly path: string;
  readonly format: PolicyFormat;
  readonly document: PolicyDocument;
  readonly policy: Policy;
}

/**
 * Finds the policy that a person named: a built-in one, or a file. A file of a built-in one's name is given with its
 * folder, as in `./venice`.
 * @throws {CommandError} naming file, line and field; status 2
 */
export async function resolvePolicy(nameOrFile: string): Promise<Policy> {
  const builtIn = builtInPolicy(nameOrFile);
  if (builtIn) return builtIn;
  return (await readPolicyFile(nameOrFile)).policy;
}

/**
 * Reads a policy file: YAML, or JSON where its name ends in .json.
 * @throws {CommandError} naming file, line and field; status 2
 */
export async function readPolicyFile(path: string): Promise<PolicyFile> {
  const bytes = await readInputFile(path, MAX_POLICY_BYTES).catch((error: unknown) => {
    throw withBuiltIns(error, path);
  });
  const fail = (problem: string, cause?: unknown) => new CommandError(problem, EXIT.usage, cause);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw fail(`${path}: not a policy: it is not text in UTF-8`, error);
  }
  const format = formatOf(path);
  try {
    if (format === "json") JSON.parse(text);
    const document = parsePolicyDocument(text);
    return { path, format, document, policy: readPolicyDocument(document) };
  } catch (error) {
    if (error instanceof PolicyError) throw fail(`${path}:${error.line}: ${error.field}: ${error.problem}`, error);
    if (error instanceof SyntaxProblem) throw fail(`${path}:${error.line}: ${error.message}`, error);
    if (error instanceof SyntaxError) throw fail(`${path}: not JSON: ${error.message}`, error);
    throw error;
  }
}

/** By the name's ending: .json is JSON, anything else YAML. */
export function formatOf(path: string): PolicyFormat {
  return extname(path).toLowerCase() === ".json" ? "json" : "yaml";
}

/** The one of a given name that is not there may have been meant as a built-in one. */
function withBuiltIns(error: unknown, path: string): unknown {
  if (!(error instanceof CommandError) || !error.message.endsWith("no such file") || /[./\\]/.test(path)) return error;
  const names = builtInPolicies.map(({ name }) => name).join(", ");
  return new CommandError(`${error.message}, nor a built-in policy of that name (there is: ${names})`, error.exitCode, error);
}
