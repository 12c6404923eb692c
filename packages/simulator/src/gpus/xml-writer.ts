/** An element to be written: its prefix and name, what it declares, what it says. */
export interface XmlElement {
  readonly name: string;
  /** Namespace declarations, by prefix; the default namespace's is "". */
  readonly namespaces?: readonly (readonly [prefix: string, uri: string])[];
  readonly attributes?: readonly (readonly [name: string, value: string])[];
  readonly children?: readonly (XmlElement | string)[];
}

type Scope = ReadonlyMap<string, string>;
const EMPTY_SCOPE: Scope = new Map();

/** Writes an element as RIM tools do: attributes in the order given, elements without contents closed at once. */
export function writeXml(element: XmlElement): string {
  const { name, namespaces = [], attributes = [], children = [] } = element;
  const declared = namespaces.map(([prefix, uri]) => writeAttribute(declarationName(prefix), uri));
  const head = `<${name}${declared.join("")}${attributes.map(([key, value]) => writeAttribute(key, value)).join("")}`;
  if (children.length === 0) return `${head}/>`;
  return `${head}>${children.map((child) => (typeof child === "string" ? escapeText(child) : writeXml(child))).join("")}</${name}>`;
}

/**
 * Writes an element in canonical form, without comments.
 * @param inherited what is declared around it: an element taken out of its document takes along all that is in scope
 * @see W3C Canonical XML 1.1 §2.3
 */
export function canonicalXml(element: XmlElement, inherited: XmlElement["namespaces"] = []): string {
  const { namespaces = [] } = element;
  return canonical({ ...element, namespaces: [...inherited, ...namespaces] }, EMPTY_SCOPE);
}

function canonical(element: XmlElement, outer: Scope): string {
  const { name, namespaces = [], attributes = [], children = [] } = element;
  const scope = new Map([...outer, ...namespaces]);
  const declared = [...new Map(namespaces)].filter(([prefix, uri]) => (outer.get(prefix) ?? "") !== uri).sort(byKey);
  const sorted = attributes
    .map(([key, value]) => ({ key, value, order: `${namespaceOf(key, scope)}\0${key.slice(key.indexOf(":") + 1)}` }))
    .sort((a, b) => compare(a.order, b.order));
  const head = [
    ...declared.map(([prefix, uri]) => writeAttribute(declarationName(prefix), uri)),
    ...sorted.map(({ key, value }) => writeAttribute(key, value)),
  ].join("");
  const body = children.map((child) => (typeof child === "string" ? escapeText(child) : canonical(child, scope))).join("");
  return `<${name}${head}>${body}</${name}>`;
}

/** An attribute without a prefix is in no namespace, whatever the default. */
function namespaceOf(attribute: string, scope: Scope): string {
  const colon = attribute.indexOf(":");
  if (colon < 0) return "";
  const uri = scope.get(attribute.slice(0, colon));
  if (uri === undefined) throw new RangeError(`nothing declares the prefix of "${attribute}"`);
  return uri;
}

function declarationName(prefix: string): string {
  return prefix === "" ? "xmlns" : `xmlns:${prefix}`;
}

function writeAttribute(name: string, value: string): string {
  const escaped = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
  return ` ${name}="${escaped.replaceAll("\t", "&#x9;").replaceAll("\n", "&#xA;").replaceAll("\r", "&#xD;")}"`;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\r", "&#xD;");
}

function byKey(a: readonly [string, string], b: readonly [string, string]): number {
  return compare(a[0], b[0]);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
