import { createElement, type OpenElement, qualified, type WrittenAttribute, type XmlElement, XmlError } from "./xml-element.ts";

/** The longest reference manifest that we know has 26,000 characters. */
export const MAX_XML_CHARACTERS = 256 * 1024;
/** Reference manifests have up to 90 elements, nested 7 deep, with up to 10 attributes. */
export const MAX_XML_ELEMENTS = 4096;
export const MAX_XML_DEPTH = 16;
export const MAX_XML_ATTRIBUTES = 64;
/** What may not stand in XML at all, lone surrogates among it. @see XML 1.0 §2.2 */
const NOT_A_CHARACTER = /[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
const NAME = String.raw`(?:([A-Za-z_][\w.-]{0,127}):)?([A-Za-z_][\w.-]{0,127})`;
/** Sticky, and each without two ways to match the same text: linear in the length. */
const DECLARATION = /<\?xml[ \n\t]+version="1\.0"(?:[ \n\t]+encoding="[Uu][Tt][Ff]-8")?(?:[ \n\t]+standalone="(?:yes|no)")?[ \n\t]*\?>/y;
const OPEN = new RegExp(`<${NAME}`, "y");
const ATTRIBUTE = new RegExp(String.raw`[ \n\t]+${NAME}[ \n\t]*=[ \n\t]*(?:"([^"<]*)"|'([^'<]*)')`, "y");
const OPEN_END = /[ \n\t]*(\/?)>/y;
const CLOSE = new RegExp(String.raw`</${NAME}[ \n\t]*>`, "y");
const TEXT = /[^<]+/y;
const REFERENCE = /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([\dA-Fa-f]{1,6}));/g;
const NO_REFERENCE = new RegExp(`&(?!${REFERENCE.source.slice(1)})`);
const ENTITIES = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

/**
 * Reads one XML document into elements and text. A subset, so that there is one way to read it and one canonical form: no
 * document type (hence no entities of its own), no processing instructions, no CDATA sections, no `xml:` attributes, names
 * in ASCII, namespace names as absolute URIs. Comments are dropped. Our own reader rather than a library's: browsers and
 * Node share no XML parser, and those on offer take more than this subset, which is where signature wrapping lives.
 * @param text at most {@link MAX_XML_CHARACTERS} without a byte order mark
 * @throws XmlError naming the character at fault, counted after line ends have been made one character
 * @see XML 1.0 (Fifth Edition), Namespaces in XML 1.0
 */
export function parseXml(text: string): XmlElement {
  if (text.length > MAX_XML_CHARACTERS) throw new XmlError(`XML of more than ${MAX_XML_CHARACTERS} characters`);
  if (NOT_A_CHARACTER.test(text)) throw new XmlError("a character that XML may not hold");
  return readDocument(text.replace(/\r\n?/g, "\n"));
}

function readDocument(source: string): XmlElement {
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let elements = 0;
  let offset = 0;
  const fail = (problem: string): never => {
    throw new XmlError(`XML, character ${offset}: ${problem}`);
  };
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = offset;
    const match = pattern.exec(source) ?? undefined;
    if (match) offset = pattern.lastIndex;
    return match;
  };

  const readText = (): void => {
    const raw = take(TEXT)?.[0] ?? "";
    const parent = open.at(-1);
    if (!parent) {
      if (/[^ \t\n]/.test(raw)) fail("text outside the root element");
      return;
    }
    if (raw.includes("]]>")) fail("]]> in a text");
    const value = resolveReferences(raw, fail);
    const { children } = parent;
    const last = children.at(-1);
    // A comment inside a text may not hide what follows it from a reader.
    if (typeof last === "string") children[children.length - 1] = last + value;
    else children.push(value);
  };

  const skipComment = (): void => {
    const end = source.indexOf("--", offset + 4);
    if (end < 0 || source[end + 2] !== ">") fail("a malformed comment");
    offset = end + 3;
  };

  const readOpening = (): void => {
    const parent = open.at(-1);
    if (root && !parent) fail("a second root element");
    const match = take(OPEN) ?? fail("markup outside the subset that is read");
    if (++elements > MAX_XML_ELEMENTS) fail(`more than ${MAX_XML_ELEMENTS} elements`);
    if (open.length === MAX_XML_DEPTH) fail(`elements nested more than ${MAX_XML_DEPTH} deep`);
    const written: WrittenAttribute[] = [];
    for (let next = take(ATTRIBUTE); next; next = take(ATTRIBUTE)) {
      if (written.length === MAX_XML_ATTRIBUTES) fail(`more than ${MAX_XML_ATTRIBUTES} attributes`);
      const [, prefix = "", local = "", quoted, apostrophed = ""] = next;
      const value = resolveReferences((quoted ?? apostrophed).replace(/[\t\n]/g, " "), fail);
      written.push({ prefix, local, value });
    }
    const end = take(OPEN_END) ?? fail("a malformed tag");
    const element = createElement(match, written, parent?.namespaces, fail);
    parent?.children.push(element);
    root ??= element;
    if (end[1] === "") open.push(element);
  };

  const readClosing = (): void => {
    const match = take(CLOSE) ?? fail("a malformed closing tag");
    const closed = open.pop();
    if (closed?.name !== qualified(match[1], match[2])) fail("a closing tag that does not fit");
  };

  take(DECLARATION);
  while (offset < source.length) {
    if (source[offset] !== "<") readText();
    else if (source.startsWith("<!--", offset)) skipComment();
    else if (source[offset + 1] === "/") readClosing();
    else readOpening();
  }
  if (!root || open.length > 0) return fail("the end, before the root element has ended");
  return root;
}

/** Puts characters in the place of the five entities and of character references. */
function resolveReferences(raw: string, fail: (problem: string) => never): string {
  if (!raw.includes("&")) return raw;
  if (NO_REFERENCE.test(raw)) fail("an entity that is not one of the five, or an & alone");
  return raw.replace(REFERENCE, (_, entity?: string, decimal?: string, hex?: string) => {
    const named = entity && ENTITIES.get(entity);
    if (named) return named;
    const code = decimal ? Number.parseInt(decimal, 10) : Number.parseInt(hex ?? "", 16);
    const character = code <= 0x10_ff_ff ? String.fromCodePoint(code) : "\0";
    return NOT_A_CHARACTER.test(character) ? fail("a reference to no character") : character;
  });
}
