/** Somebody else's words: bounded and restricted when they were taken in, and shown in quotation marks. */
export interface Quoted {
  readonly quoted: string;
}

export type Part = string | Quoted;

/** A sentence of ours. What somebody else wrote stands in it as data, so that it cannot pass for our words. */
export interface Statement<Id extends string = string> {
  /** Keeps its meaning from one version of the project to the next. */
  readonly id: Id;
  readonly parts: readonly Part[];
}

const MAX_NAME_CHARACTERS = 64;
const MAX_LISTED = 16;

/**
 * A name from outside. Names have no spaces and few signs, so that no name is a sentence; any other character becomes `?`.
 * @param maxCharacters after which it is cut
 */
export function quoteName(text: string, maxCharacters = MAX_NAME_CHARACTERS): Quoted {
  return { quoted: cut(text.slice(0, maxCharacters + 1).replace(/[^A-Za-z0-9._/:@+=~${}-]/g, "?"), maxCharacters) };
}

/** Several words from outside: printable ASCII without quotation marks; any other character becomes `?`. */
export function quoteWords(text: string, maxCharacters = 160): Quoted {
  return { quoted: cut(text.slice(0, maxCharacters + 1).replace(/[^\x20\x21\x23-\x7e]/g, "?"), maxCharacters) };
}

function cut(text: string, maxCharacters: number): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters - 1)}…` : text;
}

/** A short list of names from outside. */
export function quoteNames(names: readonly string[], maxListed = MAX_LISTED): readonly Part[] {
  const shown = names.slice(0, maxListed).flatMap((name, i): Part[] => [...(i === 0 ? [] : [", "]), quoteName(name)]);
  return names.length > maxListed ? [...shown, ` and ${names.length - maxListed} more`] : shown;
}

/** Makes a statement of a template: its text is ours, and what is put into it is quoted or ours as its type says. */
export function say<Id extends string>(id: Id) {
  return (texts: TemplateStringsArray, ...values: readonly (Part | readonly Part[])[]): Statement<Id> => ({
    id,
    parts: join(texts.flatMap((text, i) => [text, ...[values[i] ?? []].flat()])),
  });
}

/** Our words that stand next to each other become one part. */
function join(parts: readonly Part[]): readonly Part[] {
  const joined: Part[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part === "") continue;
    if (typeof part === "string" && typeof last === "string") joined[joined.length - 1] = last + part;
    else joined.push(part);
  }
  return joined;
}

/** A statement as text. No quoted part holds a quotation mark, so that each ends where it seems to. */
export function statementText({ parts }: Pick<Statement, "parts">): string {
  return parts.map((part) => (typeof part === "string" ? part : `"${part.quoted}"`)).join("");
}

/** Words from outside within a sentence that is text already, as the reasons of checks are. */
export function quotedText(quoted: Quoted): string {
  return statementText({ parts: [quoted] });
}
