import { CST, isAlias, isMap, isPair, isScalar, isSeq, Lexer, type Node, parseDocument, Scalar } from "yaml";
import { ComposeError } from "./compose-error.ts";

const MAX_CHARACTERS = 256 * 1024;
/** Tokens of the text, about five a line; the recorded compose file of 111 lines has 555. */
const MAX_TOKENS = 5000;
/** Columns of indentation, and brackets inside brackets: the parser recurses, and its stack must not run out. */
const MAX_INDENT = 128;
const MAX_FLOW_DEPTH = 32;
/** Block collections that one line may open, as `- - a: ` does. */
const MAX_INDICATORS_IN_LINE = 8;
/** Nodes after aliases and merge keys have been followed. */
const MAX_NODES = 10_000;
/**
 * Characters that end a line for some readers and not for others: Docker Compose goes on behind a lone CR, NEL, LS or PS in a
 * comment, where YAML 1.2 sees the comment going on. Control characters and byte order marks are no better.
 */
// oxlint-disable-next-line no-control-regex -- it is these that are looked for
const DISPUTED = /\r(?!\n)|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|\p{Cs}/u;

/** A YAML value with every scalar as its text: what a number or a boolean means is for the reader of each member to say. */
export type YamlValue = string | readonly YamlValue[] | YamlMap;
export type YamlMap = ReadonlyMap<string, YamlValue>;

/**
 * Reads one YAML document, bounded in size, depth, aliases and time. Anchors, aliases and merge keys are followed; tags,
 * directives, duplicate keys, keys that are not texts, further documents and line breaks other than LF and CR LF are
 * refused, since readers differ on them.
 * @throws ComposeError
 * @see YAML 1.2.2
 */
export function parseComposeYaml(text: string): YamlValue {
  assertBounded(text);
  let document: ReturnType<typeof parseDocument>;
  try {
    // Duplicate keys are found below: the parser's own search takes quadratic time.
    document = parseDocument(text, { schema: "failsafe", uniqueKeys: false, prettyErrors: false, logLevel: "error" });
  } catch {
    throw new ComposeError("the YAML text cannot be parsed");
  }
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) throw new ComposeError(`the YAML text is faulty near character ${fault.pos[0]} (${fault.code})`);
  if (!document.contents) throw new ComposeError("the YAML text is empty");
  return new Reader().read(document.contents);
}

/** Goes through the tokens, without recursion, before the parser does. */
function assertBounded(text: string): void {
  if (text.length > MAX_CHARACTERS) throw new ComposeError(`the YAML text has ${text.length} characters, more than ${MAX_CHARACTERS}`);
  const disputed = text.search(DISPUTED);
  if (disputed >= 0) {
    const code = (text.codePointAt(disputed) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    throw new ComposeError(`the YAML text holds U+${code} at character ${disputed}, which some readers take for a line break or refuse`);
  }
  let tokens = 0;
  let depth = 0;
  let indicators = 0;
  let atLineStart = true;
  let awaitsItem = false;
  for (const token of new Lexer().lex(text)) {
    if (++tokens > MAX_TOKENS) throw new ComposeError(`the YAML text has more than ${MAX_TOKENS} tokens`);
    const type = CST.tokenType(token);
    if (atLineStart && type === "space" && token.length > MAX_INDENT)
      throw new ComposeError(`the YAML text is indented by more than ${MAX_INDENT} columns`);
    if (type === "flow-map-start" || type === "flow-seq-start") depth++;
    else if (type === "flow-map-end" || type === "flow-seq-end") depth--;
    else if (type === "seq-item-ind" || type === "explicit-key-ind" || (type === "map-value-ind" && depth <= 0)) indicators++;
    else if (type === "tag") throw new ComposeError("the YAML text uses a tag, on which readers differ");
    else if (type === "directive-line" || type === "doc-end") throw new ComposeError("the YAML text has a directive or several documents");
    // The parser would go on and gather a fault for each of these.
    if (depth < 0 || type === "flow-error-end" || (type === "comma" && awaitsItem))
      throw new ComposeError("the YAML text has faulty brackets");
    if (type !== "space" && type !== "newline" && type !== "comment")
      awaitsItem = type === "comma" || type === "flow-map-start" || type === "flow-seq-start";
    if (depth > MAX_FLOW_DEPTH) throw new ComposeError(`the YAML text nests brackets more than ${MAX_FLOW_DEPTH} deep`);
    if (indicators > MAX_INDICATORS_IN_LINE)
      throw new ComposeError(`a line of the YAML text opens more than ${MAX_INDICATORS_IN_LINE} blocks`);
    atLineStart = type === "newline";
    if (atLineStart) indicators = 0;
  }
}

class Reader {
  private nodes = 0;
  private readonly anchors = new Map<string, Node>();
  /** Nodes that are being read: an alias to one of them would never end. */
  private readonly open = new Set<Node>();

  read(node: Node | null): YamlValue {
    if (++this.nodes > MAX_NODES) throw new ComposeError(`the YAML text has more than ${MAX_NODES} nodes once aliases are followed`);
    if (node === null) return "";
    if (isAlias(node)) return this.follow(node.source);
    if ("anchor" in node && node.anchor !== undefined) this.anchors.set(node.anchor, node);
    if (isScalar(node)) return typeof node.value === "string" ? node.value : "";
    this.open.add(node);
    const value = isMap(node) ? this.readMap(node.items) : isSeq(node) ? this.readSeq(node.items) : "";
    this.open.delete(node);
    return value;
  }

  private follow(anchor: string): YamlValue {
    const node = this.anchors.get(anchor);
    if (!node) throw new ComposeError("the YAML text has an alias without an anchor before it");
    if (this.open.has(node)) throw new ComposeError("the YAML text has an alias inside what it stands for");
    return this.read(node);
  }

  private readSeq(items: readonly unknown[]): YamlValue {
    return items.map((item) => {
      if (isPair(item)) throw new ComposeError("the YAML text has a pair in a list");
      return this.read(item as Node | null);
    });
  }

  private readMap(items: readonly { readonly key: unknown; readonly value: unknown }[]): YamlMap {
    const map = new Map<string, YamlValue>();
    const merged: YamlValue[] = [];
    for (const { key, value } of items) {
      if (!isScalar(key) || typeof key.value !== "string") throw new ComposeError("the YAML text has a key that is not a text");
      if ("anchor" in key && key.anchor !== undefined) this.anchors.set(key.anchor, key);
      const read = this.read(value as Node | null);
      if (key.value === "<<" && key.type !== Scalar.PLAIN) throw new ComposeError("the YAML text has a merge key in quotation marks");
      if (key.value === "<<") merged.push(read);
      else if (map.has(key.value)) throw new ComposeError("the YAML text has a key twice in one mapping");
      else map.set(key.value, read);
    }
    // A mapping's own members win over merged ones, and earlier merged mappings over later ones.
    for (const source of merged.flatMap((value) => (isList(value) ? value : [value]))) {
      if (!isYamlMap(source)) throw new ComposeError("the YAML text merges something that is not a mapping");
      for (const [key, value] of source) {
        if (++this.nodes > MAX_NODES) throw new ComposeError(`the YAML text has more than ${MAX_NODES} nodes once aliases are followed`);
        if (!map.has(key)) map.set(key, value);
      }
    }
    return map;
  }
}

export function isYamlMap(value: YamlValue | undefined): value is YamlMap {
  return value instanceof Map;
}

export function isList(value: YamlValue | undefined): value is readonly YamlValue[] {
  return Array.isArray(value);
}
