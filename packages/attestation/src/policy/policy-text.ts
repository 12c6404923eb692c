import { builtInPolicies, builtInPolicy } from "./built-in.ts";
import { nearestName } from "./nearest-name.ts";
import { type Policy, PolicyError } from "./policy.ts";
import { parsePolicyDocument, readPolicyDocument, SyntaxProblem } from "./policy-document.ts";

/** As a policy file may have. */
const MAX_CHARACTERS = 1024 * 1024;
/** What can only have been meant as a name: a policy's text has a colon, whichever way it is written. */
const NAME = /^[^\s:{}]+$/;

/**
 * Reads what a program gives as its policy: a built-in policy's name, or a policy file's text, YAML or JSON.
 * @throws {PolicyError} naming the field, and the line that it stands in
 */
export function readPolicyText(text: string): Policy {
  if (NAME.test(text)) return namedPolicy(text);
  if (text.length > MAX_CHARACTERS) throw new PolicyError("(whole)", `has ${text.length} characters, more than ${MAX_CHARACTERS}`);
  try {
    return readPolicyDocument(parsePolicyDocument(text));
  } catch (error) {
    if (error instanceof SyntaxProblem) throw new PolicyError("(whole)", `is neither YAML nor JSON: ${error.message}`, error.line);
    throw error;
  }
}

/** A file's name is taken for what it is: the verifier reads no files. */
function namedPolicy(name: string): Policy {
  const policy = builtInPolicy(name);
  if (policy) return policy;
  if (/[/\\]|\.(?:ya?ml|json)$/i.test(name)) {
    throw new PolicyError("(whole)", 'is a file\'s name, not a policy: give what is in the file, as in readFileSync(file, "utf8")');
  }
  const names = builtInPolicies.map((builtIn) => builtIn.name);
  const near = nearestName(name, names);
  const hint = near === undefined ? `there is: ${names.join(", ")}` : `did you mean ${near}?`;
  throw new PolicyError("(whole)", `is no built-in policy's name (${hint}), and no policy file's text`);
}
