const REPLACEMENT = "\ufffd";
/** A character takes at most four bytes and a token holds at least one, so four tokens always contain an unfinished one. */
const UNFINISHED_TOKENS = 4;
const MAX_PENDING_TOKENS = 16;

/** Turns tokens, which may end inside a UTF-8 character, into text that never does. */
export interface WholeCharacters<Token> {
  /** The text that became certain with this token; empty while a character is unfinished. */
  push(token: Token): string;
  /** What is left at the end: U+FFFD where bytes never became a character. */
  end(): string;
}

/**
 * Assembles characters from tokens.
 * @param decode the text of some tokens, with U+FFFD in place of an unfinished character at its end;
 *   `previous` are tokens that stand before them, for tokenizers whose text depends on its neighbours
 */
export function createWholeCharacters<Token>(
  decode: (tokens: readonly Token[], previous: readonly Token[]) => string,
): WholeCharacters<Token> {
  let pending: Token[] = [];
  let previous: Token[] = [];
  /** Characters of the pending tokens' text that were already given out. */
  let given = 0;

  return {
    push(token) {
      pending.push(token);
      const text = decode(pending, previous);
      if (!text.endsWith(REPLACEMENT)) {
        const whole = text.slice(given);
        previous = [...previous, ...pending].slice(-UNFINISHED_TOKENS);
        pending = [];
        given = 0;
        return whole;
      }
      // Only the last replacement character can still turn into something else.
      const certain = text.slice(given, -1);
      given = Math.max(given, text.length - 1);
      if (pending.length > MAX_PENDING_TOKENS) {
        pending = pending.slice(-UNFINISHED_TOKENS);
        previous = [];
        given = decode(pending, previous).length - 1;
      }
      return certain;
    },
    end() {
      const rest = pending.length === 0 ? "" : decode(pending, previous).slice(given);
      pending = [];
      given = 0;
      return rest;
    },
  };
}

/** Text in pieces, each of which may end between the halves of a surrogate pair (JSON escapes of some servers do). */
export interface WholePairs {
  push(text: string): string;
  end(): string;
}

/** Holds the first half of a surrogate pair back until its second half comes; a half alone becomes U+FFFD. */
export function createWholePairs(): WholePairs {
  let held = "";
  return {
    push(text) {
      const joined = held + text;
      const last = joined.charCodeAt(joined.length - 1);
      const split = last >= 0xd800 && last <= 0xdbff;
      held = split ? joined.slice(-1) : "";
      return (split ? joined.slice(0, -1) : joined).replace(/\p{Surrogate}/gu, REPLACEMENT);
    },
    end() {
      const rest = held === "" ? "" : REPLACEMENT;
      held = "";
      return rest;
    },
  };
}
