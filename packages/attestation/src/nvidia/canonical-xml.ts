import type { XmlAttribute, XmlElement } from "./xml-element.ts";

const NO_NAMESPACES: ReadonlyMap<string, string> = new Map();

const TEXT_ESCAPES = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ["\r", "&#xD;"],
]);
const VALUE_ESCAPES = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  ['"', "&quot;"],
  ["\t", "&#x9;"],
  ["\n", "&#xA;"],
  ["\r", "&#xD;"],
]);

/**
 * Writes an element and what it holds as Canonical XML 1.1 without comments, inclusive: namespaces that are in scope around
 * the element are declared on it. Attributes of the `xml` namespace, which would be inherited too, are not in the subset
 * that the parser reads.
 * @returns to be encoded as UTF-8
 * @see Canonical XML 1.1 §1.1, §2.2 to §2.4
 */
export function canonicalizeXml(element: XmlElement): string {
  const parts: string[] = [];
  writeElement(element, NO_NAMESPACES, parts);
  return parts.join("");
}

function writeElement(element: XmlElement, outer: ReadonlyMap<string, string>, parts: string[]): void {
  const { name, attributes, namespaces, children } = element;
  parts.push("<", name);
  if (namespaces !== outer) writeNamespaces(namespaces, outer, parts);
  for (const attribute of attributes.toSorted(compareAttributes)) parts.push(" ", attribute.name, '="', escapeValue(attribute.value), '"');
  parts.push(">");
  for (const child of children) {
    if (typeof child === "string") parts.push(escapeText(child));
    else writeElement(child, namespaces, parts);
  }
  parts.push("</", name, ">");
}

/** Writes what the element around does not declare in the same way, the default namespace first. */
function writeNamespaces(namespaces: ReadonlyMap<string, string>, outer: ReadonlyMap<string, string>, parts: string[]): void {
  if (outer.has("") && !namespaces.has("")) parts.push(' xmlns=""');
  const declared = [...namespaces].filter(([prefix, uri]) => outer.get(prefix) !== uri);
  for (const [prefix, uri] of declared.toSorted(([a], [b]) => compareAscii(a, b)))
    parts.push(prefix === "" ? " xmlns" : ` xmlns:${prefix}`, '="', escapeValue(uri), '"');
}

/** By namespace name, then by local name; those in no namespace come first. */
function compareAttributes(a: XmlAttribute, b: XmlAttribute): number {
  return compareAscii(a.namespace, b.namespace) || compareAscii(a.local, b.local);
}

/** Names in the subset are ASCII, of which code units are in the order of code points. */
function compareAscii(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function escapeText(text: string): string {
  return text.replace(/[&<>\r]/g, (character) => TEXT_ESCAPES.get(character) ?? "");
}

function escapeValue(value: string): string {
  return value.replace(/[&<"\t\n\r]/g, (character) => VALUE_ESCAPES.get(character) ?? "");
}
