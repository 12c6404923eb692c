const MAX_NAMESPACES_IN_SCOPE = 16;

const XML_PREFIX = /^xml$/i;
const RESERVED_NAMESPACES = new Set(["http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/"]);
/** An absolute URI in ASCII: what canonical XML demands, and what sorts the same by character and by byte. */
const NAMESPACE_NAME = /^[A-Za-z][\w+.-]*:[!#-%'-;=?-~]+$/;

/** A text outside the subset of XML that this project reads, or a document that is not of the form it should have. */
export class XmlError extends Error {
  override readonly name: string = "XmlError";
  readonly code: string = "xml_malformed";
  readonly action = "stop";
}

export interface XmlAttribute {
  /** As written, with its prefix. */
  readonly name: string;
  /** Empty for an attribute without a prefix. */
  readonly namespace: string;
  readonly local: string;
  readonly value: string;
}

export interface XmlElement {
  /** As written, with its prefix. */
  readonly name: string;
  /** Empty for an element in no namespace. */
  readonly namespace: string;
  readonly local: string;
  /** In the order of the text, without namespace declarations. */
  readonly attributes: readonly XmlAttribute[];
  /** All that are in scope, by prefix; the default one by the empty prefix. Shared with the parent where nothing is declared. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** Elements, and texts of which no two are neighbours. */
  readonly children: readonly (XmlElement | string)[];
}

/** An element that is still open. */
export interface OpenElement extends XmlElement {
  readonly children: (XmlElement | string)[];
}

/** An attribute or a declaration, as written. */
export interface WrittenAttribute {
  readonly prefix: string;
  readonly local: string;
  readonly value: string;
}

/** Makes an element of what is written in its opening tag, without children. */
export function createElement(
  [, prefix = "", local = ""]: RegExpExecArray,
  written: readonly WrittenAttribute[],
  outer: ReadonlyMap<string, string> = new Map(),
  fail: (problem: string) => never,
): OpenElement {
  const declarations = written.filter(isDeclaration);
  const namespaces = declarations.length > 0 ? declareNamespaces(declarations, outer, fail) : outer;
  const namespaceOf = (name: string): string => namespaces.get(name) ?? fail(`the prefix "${name}" is not declared`);
  const attributes = written
    .filter((attribute) => !isDeclaration(attribute))
    .map((attribute) => ({
      name: qualified(attribute.prefix, attribute.local),
      namespace: attribute.prefix ? namespaceOf(attribute.prefix) : "",
      local: attribute.local,
      value: attribute.value,
    }));
  if (new Set(attributes.map((attribute) => `${attribute.namespace} ${attribute.local}`)).size < attributes.length)
    fail("the same attribute twice");
  const namespace = prefix ? namespaceOf(prefix) : (namespaces.get("") ?? "");
  return { name: qualified(prefix, local), namespace, local, attributes, namespaces, children: [] };
}

function isDeclaration({ prefix, local }: WrittenAttribute): boolean {
  return prefix === "xmlns" || (prefix === "" && local === "xmlns");
}

/** @see Namespaces in XML 1.0 §3, §5 and §6.3 */
function declareNamespaces(
  declarations: readonly WrittenAttribute[],
  outer: ReadonlyMap<string, string>,
  fail: (problem: string) => never,
): ReadonlyMap<string, string> {
  const namespaces = new Map(outer);
  const seen = new Set<string>();
  for (const { prefix, local, value } of declarations) {
    const declared = prefix && local;
    if (seen.has(declared)) fail("the same namespace declaration twice");
    seen.add(declared);
    if (declared === "" && value === "") {
      namespaces.delete("");
      continue;
    }
    if (XML_PREFIX.test(declared) || declared === "xmlns" || RESERVED_NAMESPACES.has(value)) fail("a reserved prefix or namespace");
    if (!NAMESPACE_NAME.test(value)) fail("a namespace name that is not an absolute URI");
    namespaces.set(declared, value);
  }
  if (namespaces.size > MAX_NAMESPACES_IN_SCOPE) fail(`more than ${MAX_NAMESPACES_IN_SCOPE} namespaces`);
  return namespaces;
}

/** A name as written. */
export function qualified(prefix = "", local = ""): string {
  return prefix ? `${prefix}:${local}` : local;
}
