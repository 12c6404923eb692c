import fc from "fast-check";

/** A document in the subset of XML that reference manifests are read in, as text. */
interface Drawn {
  readonly name: number;
  readonly prefix: number;
  readonly declarations: readonly { readonly prefix: string; readonly uri: string }[];
  readonly attributes: readonly { readonly prefix: number; readonly name: number; readonly value: readonly string[] }[];
  readonly children: readonly (Drawn | readonly string[])[];
  /** Of quotes, white space inside tags and the two forms of an empty element. */
  readonly style: number;
}

const NAMES = ["a", "b", "B", "Resource", "ns0", "x-1", "_y", "z.z", "Hash0", "Hash10", "Hash2"];
const PREFIXES = ["", "", "p", "q", "P", "ns2", "xmlish"];
const URIS = ["urn:a", "urn:b", "http://example.com/", "http://example.com/%20?x=1;y#z", "https://Example.com/a'b", "URN:a"];
const PIECES = [
  "text",
  " ",
  "\n",
  "\r\n",
  "\r",
  "\t",
  "&#13;",
  "&#xA;",
  "&#9;",
  "&#32;",
  "&amp;",
  "&lt;",
  "&gt;",
  "&quot;",
  "&apos;",
  "&amp;lt;",
  "é",
  "😀",
  "\u0085\u2028",
  "&#x1F600;",
  "=",
];
const WHITE_SPACE = [" ", "\n", "\t ", "\r\n  "];

const pieces = (...more: readonly string[]) => fc.array(fc.constantFrom(...PIECES, ...more), { maxLength: 5 });
const small = fc.nat(30);

/** Draws documents: namespaces declared, used, hidden and taken back, references, line ends, and comments if they are wanted. */
export function xmlDocuments(options: { readonly comments: boolean }): fc.Arbitrary<string> {
  const comments = options.comments ? ["<!-- c & < -->", "<!---->"] : [];
  const { element } = fc.letrec<{ element: Drawn; text: readonly string[] }>((tie) => ({
    text: pieces(">", '"', "'", "]]&gt;", ...comments),
    element: fc.record({
      name: small,
      prefix: small,
      declarations: fc.uniqueArray(fc.record({ prefix: fc.constantFrom(...PREFIXES), uri: fc.constantFrom(...URIS, "") }), {
        selector: ({ prefix }) => prefix,
        maxLength: 4,
      }),
      attributes: fc.array(fc.record({ prefix: small, name: small, value: pieces(">") }), { maxLength: 5 }),
      children: fc.oneof(
        { depthSize: "medium", maxDepth: 6 },
        { arbitrary: fc.constant([]), weight: 1 },
        { arbitrary: fc.array(fc.oneof(tie("text"), tie("element")), { maxLength: 4 }), weight: 3 },
      ),
      style: small,
    }),
  }));
  const around = fc.constantFrom("", "\n", ...comments);
  const declaration = fc.constantFrom("", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="UTF-8"?>\r\n');
  return fc
    .tuple(declaration, around, element, around)
    .map(([first, before, root, after]) => first + before + writeElement(root, new Map()) + after);
}

function writeElement(drawn: Drawn, outer: ReadonlyMap<string, string>): string {
  const scope = new Map(outer);
  const quote = drawn.style % 2 === 0 ? '"' : "'";
  const space = pick(WHITE_SPACE, drawn.style);
  const parts: string[] = [];
  for (const { prefix, uri } of drawn.declarations) {
    // Only the default namespace can be taken back.
    if (prefix !== "" && uri === "") continue;
    scope.set(prefix, uri);
    parts.push(`${prefix ? `xmlns:${prefix}` : "xmlns"}="${uri}"`);
  }
  const prefixes = ["", ...[...scope.keys()].filter((prefix) => prefix !== "")];
  const seen = new Set<string>();
  for (const { prefix, name, value } of drawn.attributes) {
    const [chosen, local] = [pick(prefixes, prefix), pick(NAMES, name)];
    const expanded = `${chosen ? scope.get(chosen) : ""} ${local}`;
    if (seen.has(expanded)) continue;
    seen.add(expanded);
    parts.push(`${qualified(chosen, local)}${drawn.style % 3 === 0 ? " = " : "="}${quote}${value.join("")}${quote}`);
  }
  if (drawn.style % 5 === 0) parts.reverse();
  const name = qualified(pick(prefixes, drawn.prefix), pick(NAMES, drawn.name));
  const start = [name, ...parts].join(space);
  if (drawn.children.length === 0 && drawn.style % 2 === 0) return `<${start}${drawn.style % 4 === 0 ? space : ""}/>`;
  const children = drawn.children.map((child) => (isElement(child) ? writeElement(child, scope) : child.join("")));
  return `<${start}>${children.join("")}</${name}${drawn.style % 7 === 0 ? space : ""}>`;
}

function isElement(child: Drawn | readonly string[]): child is Drawn {
  return !Array.isArray(child);
}

function qualified(prefix: string, local: string): string {
  return prefix ? `${prefix}:${local}` : local;
}

function pick(from: readonly string[], index: number): string {
  return from[index % from.length] ?? "";
}
