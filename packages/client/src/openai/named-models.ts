import type { CallBody } from "./parse-call.ts";

/** A string of JSON, and whether it is a member's name. */
const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/gs;
const FORM = /^(?:multipart\/form-data|application\/x-www-form-urlencoded)\s*(?:;|$)/i;
/** What a file of requests, such as a batch, names. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * Every model that a call names, wherever servers look for one: in the query, in any member of a JSON object, twice or in
 * other capitals, in a form's fields and in files of requests.
 * @returns undefined where that cannot be told: whoever answers might read what this does not
 */
export async function findNamedModels(query: URLSearchParams, body: CallBody | undefined): Promise<readonly string[] | undefined> {
  const named = fieldsOf(query);
  if (!body || body.bytes.length === 0) return named;
  const inBody = FORM.test(body.contentType ?? "") ? await findInForm(body) : findInJson(decode(body.bytes), true);
  return inBody && [...named, ...inBody];
}

function fieldsOf(fields: Iterable<readonly [string, unknown]>): string[] {
  return [...fields].flatMap(([name, value]) => (isModel(name) && typeof value === "string" ? [value] : []));
}

async function findInForm({ bytes, contentType = "" }: CallBody): Promise<readonly string[] | undefined> {
  let form: FormData;
  try {
    form = await new Response(bytes, { headers: { "content-type": contentType } }).formData();
  } catch {
    return undefined;
  }
  const named = fieldsOf(form);
  for (const [, value] of form) {
    if (typeof value === "string") continue;
    if (value.size > MAX_FILE_BYTES) return undefined;
    // Sounds and pictures are no text; what is one may be requests.
    for (const line of decode(new Uint8Array(await value.arrayBuffer()))?.split("\n") ?? []) named.push(...(findInJson(line, false) ?? []));
  }
  return named;
}

/** Looks at the text itself, since parsing keeps one of two members of a name. */
function findInJson(text: string | undefined, isObject: boolean): readonly string[] | undefined {
  if (text === undefined || !isJsonObjectText(text)) return isObject ? undefined : [];
  const named: string[] = [];
  let follows = false;
  for (const [token, colon] of text.matchAll(STRING)) {
    const value = JSON.parse(colon === undefined ? token : token.slice(0, -colon.length)) as string;
    if (follows && colon === undefined) named.push(value);
    follows = colon !== undefined && isModel(value);
  }
  return named;
}

function isJsonObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

const isModel = (name: string): boolean => name.toLowerCase() === "model";

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
