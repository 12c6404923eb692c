import { CollateralError } from "./collateral-error.ts";

const MAX_DEPTH = 32;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Splits a JSON object into its members' exact texts, so that a signature over one of them can be checked. It is
 * strict RFC 8259 JSON: a name that appears twice in any object, however it is escaped, is refused, and what stands
 * within a string is never taken for structure.
 * @param text at most what its reader bounds
 * @param what names the text in the error
 * @returns raw value texts by decoded name, without the white space around them
 * @throws CollateralError (`collateral_malformed`)
 */
export function splitJsonObject(text: string, what: string): ReadonlyMap<string, string> {
  return new JsonScanner(text, what).wholeObject();
}

class JsonScanner {
  readonly #text: string;
  readonly #what: string;
  #at = 0;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  wholeObject(): ReadonlyMap<string, string> {
    this.#skipSpace();
    if (this.#text[this.#at] !== "{") throw this.#fault("is not a JSON object");
    const members = this.#object(1);
    this.#skipSpace();
    if (this.#at !== this.#text.length) throw this.#fault("goes on behind its JSON object");
    return members;
  }

  /** Stands at the opening brace. */
  #object(depth: number): Map<string, string> {
    const members = new Map<string, string>();
    this.#at++;
    this.#skipSpace();
    if (this.#take("}")) return members;
    do {
      this.#skipSpace();
      const name = JSON.parse(this.#string()) as string;
      this.#skipSpace();
      if (!this.#take(":")) throw this.#fault("lacks a colon");
      this.#skipSpace();
      if (members.has(name)) throw this.#fault("names a member twice");
      members.set(name, this.#value(depth));
      this.#skipSpace();
    } while (this.#take(","));
    if (!this.#take("}")) throw this.#fault("has an object that does not end");
    return members;
  }

  #array(depth: number): void {
    this.#at++;
    this.#skipSpace();
    if (this.#take("]")) return;
    do {
      this.#skipSpace();
      this.#value(depth);
      this.#skipSpace();
    } while (this.#take(","));
    if (!this.#take("]")) throw this.#fault("has a list that does not end");
  }

  /** @returns the value's exact text */
  #value(depth: number): string {
    const start = this.#at;
    const first = this.#text[start];
    if (first === "{" || first === "[") {
      if (depth === MAX_DEPTH) throw this.#fault(`is nested deeper than ${MAX_DEPTH}`);
      if (first === "{") this.#object(depth + 1);
      else this.#array(depth + 1);
    } else if (first === '"') this.#string();
    else this.#scalar();
    return this.#text.slice(start, this.#at);
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    if (text.charCodeAt(start) !== QUOTE) throw this.#fault("lacks a string");
    let at = start + 1;
    for (;;) {
      const code = text.charCodeAt(at);
      // NaN, behind the end, fails this as well.
      if (!(code >= 0x20)) throw this.#fault("has a string that does not end, or a control character in one");
      at++;
      if (code === QUOTE) break;
      if (code !== BACKSLASH) continue;
      const escape = /^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(at, at + 5));
      if (!escape) throw this.#fault("has an escape that JSON does not know");
      at += escape[0].length;
    }
    this.#at = at;
    return text.slice(start, at);
  }

  #scalar(): void {
    // The longest number in use has ten digits; 64 characters of any are enough to see a fault.
    const match = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/.exec(
      this.#text.slice(this.#at, this.#at + 64),
    );
    if (!match) throw this.#fault("has a value that is not JSON");
    this.#at += match[0].length;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #fault(problem: string): CollateralError {
    return new CollateralError("collateral_malformed", this.#what, `${problem} (at character ${this.#at})`);
  }
}
