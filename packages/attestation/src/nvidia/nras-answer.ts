import { isObject, TokenError } from "./json-web-token.ts";

/** Eight GPUs are the most that one machine is asked about. */
const MAX_MODULES = 16;
const MODULE_NAME = /^[A-Z]{1,16}-\d{1,3}$/;

/** NRAS's answer taken apart: tokens as texts, of which nothing has been verified. */
export interface NrasAnswer {
  readonly overall: string;
  /** One token for each GPU, by its name, such as `GPU-0`. */
  readonly modules: ReadonlyMap<string, string>;
}

/**
 * Reads a detached EAT bundle, `[["JWT", token], {"GPU-0": token, …}]`; versions 3 and 4 of the service share this form.
 * @param answer its JSON, parsed
 * @throws TokenError
 * @see RFC 9711 §5; NVIDIA Attestation, "Claims Guide"
 */
export function parseNrasAnswer(answer: unknown): NrasAnswer {
  const [overall, detached] = asPair(answer, "it");
  const [type, token] = asPair(overall, "its first member");
  if (type !== "JWT" || typeof token !== "string") throw new TokenError('NRAS answer: its first member is not ["JWT", token]');
  if (!isObject(detached)) throw new TokenError("NRAS answer: its second member is not an object of tokens");
  const names = Object.keys(detached);
  if (names.length < 1 || names.length > MAX_MODULES) {
    throw new TokenError(`NRAS answer: ${names.length} tokens of devices, not 1 to ${MAX_MODULES}`);
  }
  const modules = names.map((name): [string, string] => {
    const module = detached[name];
    if (!MODULE_NAME.test(name) || typeof module !== "string") throw new TokenError("NRAS answer: a device that is not named like GPU-0");
    return [name, module];
  });
  return { overall: token, modules: new Map(modules) };
}

function asPair(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== 2) throw new TokenError(`NRAS answer: ${what} is not a list of two`);
  return value;
}
