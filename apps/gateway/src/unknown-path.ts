import { WireError } from "@bauta/protocol";

/** What other APIs of the kind have, and what is asked in its place. */
const OTHERS: Readonly<Record<string, string>> = {
  "/completions": "this gateway has no text completions: ask /chat/completions with messages",
  "/responses": "this gateway has no Responses API: ask /chat/completions, which every SDK can be told to use",
};

/** A path that nothing serves. The catalogue's `not_found`, in words that say what to do; nothing of the path is repeated. */
export class UnknownPathError extends WireError {
  readonly #hint: string;

  /**
   * @param path without the query, as it was asked for
   * @param known the paths that are served, each below one of the prefixes
   */
  constructor(path: string, prefixes: readonly string[], known: readonly string[]) {
    super("not_found");
    const [prefix = "", ...others] = prefixes.toReversed();
    const asked = collapseSlashes(path).replace(/(?<=.)\/$/, "");
    const below = prefixes.find((one) => asked.startsWith(`${one}/`));
    const other = OTHERS[below === undefined ? asked : asked.slice(below.length)];
    const bare = known.find((one) => one === asked);
    const paths = `its API is below ${[prefix, ...others].join(" and ")}: ${known.join(", ")}`;
    this.#hint = other ?? (bare === undefined ? paths : `${bare} is ${prefix}${bare} here: end the base URL with ${prefix}`);
  }

  override toBody(): ReturnType<WireError["toBody"]> {
    const { error } = super.toBody();
    return { error: { ...error, message: `${error.message}: ${this.#hint}` } };
  }
}

/** Programs that join a base URL and a path often write two slashes between. */
export function collapseSlashes(path: string): string {
  return path.replace(/\/{2,}/g, "/");
}
