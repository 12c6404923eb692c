import { isUtf8 } from "node:buffer";
import { WireError } from "@bauta/protocol";

/** Arrays and objects inside each other; beyond it a body is refused before any engine sees it. */
const MAX_DEPTH = 512;
/** Characters of a model id as written, escapes included. */
const MAX_MODEL_CHARACTERS = 512;
/** `"model"` with every letter escaped; a longer key cannot spell it. */
const MAX_KEY_BYTES = 2 + 5 * 6;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/**
 * Reads the one member of a chat request that the gateway needs. The body is checked to be JSON in place: no string of
 * the conversation is ever made, so none can reach a log, an error or a heap snapshot.
 * @param body the request body, exactly as received
 * @returns the value of the top-level `model`
 * @throws WireError `invalid_json`, `missing_field` or `invalid_field`; the latter also when `model` stands there twice,
 * since two readers could then disagree on which one was asked for
 */
export function readModelMember(body: Uint8Array): string {
  if (!isUtf8(body)) throw new WireError("invalid_json");
  const scan = new Scan(body);
  scan.document();
  if (!scan.isObject) throw new WireError("invalid_json");
  if (scan.modelValues.length === 0) throw new WireError("missing_field", { param: "model" });
  const [value] = scan.modelValues;
  if (scan.modelValues.length > 1 || typeof value !== "string") throw new WireError("invalid_field", { param: "model" });
  return value;
}

/** A JSON checker (RFC 8259) without recursion, which keeps the positions it needs and nothing else. */
class Scan {
  isObject = false;
  readonly modelValues: unknown[] = [];
  readonly #body: Uint8Array;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  document(): void {
    const body = this.#body;
    const objects = new Uint8Array(MAX_DEPTH);
    let depth = 0;
    let afterValue = false;
    let valueFollowsModel = false;
    this.#space();
    this.isObject = body[this.#at] === OPEN_OBJECT;
    for (;;) {
      this.#space();
      if (!afterValue) {
        const start = this.#at;
        const first = body[start];
        if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
          if (valueFollowsModel) this.modelValues.push(undefined);
          valueFollowsModel = false;
          if (depth === MAX_DEPTH) throw new WireError("invalid_json");
          objects[depth++] = first === OPEN_OBJECT ? 1 : 0;
          this.#at++;
          this.#space();
          const empty = body[this.#at] === (first === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY);
          if (empty) {
            this.#at++;
            depth--;
            afterValue = true;
          } else if (first === OPEN_OBJECT) {
            valueFollowsModel = this.#key() && depth === 1;
          }
          continue;
        }
        this.#scalar();
        if (valueFollowsModel) this.modelValues.push(this.#modelText(start, this.#at));
        valueFollowsModel = false;
        afterValue = true;
        continue;
      }
      if (depth === 0) break;
      const inObject = objects[depth - 1] === 1;
      const next = body[this.#at];
      this.#at++;
      if (next === COMMA) {
        if (inObject) {
          this.#space();
          valueFollowsModel = this.#key() && depth === 1;
        }
        afterValue = false;
      } else if (next === (inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        depth--;
      } else {
        throw new WireError("invalid_json");
      }
    }
    if (this.#at !== body.length) throw new WireError("invalid_json");
  }

  /** Reads a key and its colon; true when it spells `model`, escaped or not. */
  #key(): boolean {
    const start = this.#at;
    if (this.#body[start] !== QUOTE) throw new WireError("invalid_json");
    this.#string();
    const spelled = this.#at - start <= MAX_KEY_BYTES && this.#text(start, this.#at) === "model";
    this.#space();
    if (this.#body[this.#at] !== COLON) throw new WireError("invalid_json");
    this.#at++;
    return spelled;
  }

  #modelText(start: number, end: number): unknown {
    return this.#body[start] === QUOTE && end - start <= MAX_MODEL_CHARACTERS ? this.#text(start, end) : undefined;
  }

  #text(start: number, end: number): unknown {
    return JSON.parse(Buffer.from(this.#body.buffer, this.#body.byteOffset + start, end - start).toString("utf8"));
  }

  #space(): void {
    const body = this.#body;
    for (;;) {
      const byte = body[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at++;
    }
  }

  #scalar(): void {
    switch (this.#body[this.#at]) {
      case QUOTE:
        return this.#string();
      case 0x74:
        return this.#word("true");
      case 0x66:
        return this.#word("false");
      case 0x6e:
        return this.#word("null");
      default:
        return this.#number();
    }
  }

  #word(word: string): void {
    for (let i = 0; i < word.length; i++) {
      if (this.#body[this.#at++] !== word.charCodeAt(i)) throw new WireError("invalid_json");
    }
  }

  #string(): void {
    const body = this.#body;
    let at = this.#at + 1;
    for (;;) {
      const byte = body[at++];
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        const escape = body[at++];
        if (escape === 0x75) {
          for (let i = 0; i < 4; i++) if (!isHexDigit(body[at++])) throw new WireError("invalid_json");
        } else if (escape === undefined || !'"\\/bfnrt'.includes(String.fromCharCode(escape))) {
          throw new WireError("invalid_json");
        }
      } else if (byte === undefined || byte < 0x20) {
        throw new WireError("invalid_json");
      }
    }
    this.#at = at;
  }

  #number(): void {
    const body = this.#body;
    if (body[this.#at] === 0x2d) this.#at++;
    if (body[this.#at] === 0x30) this.#at++;
    else this.#digits();
    if (body[this.#at] === 0x2e) {
      this.#at++;
      this.#digits();
    }
    const exponent = body[this.#at];
    if (exponent === 0x65 || exponent === 0x45) {
      this.#at++;
      const sign = body[this.#at];
      if (sign === 0x2b || sign === 0x2d) this.#at++;
      this.#digits();
    }
  }

  #digits(): void {
    const start = this.#at;
    for (;;) {
      const byte = this.#body[this.#at];
      if (byte === undefined || byte < 0x30 || byte > 0x39) break;
      this.#at++;
    }
    if (this.#at === start) throw new WireError("invalid_json");
  }
}

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}
