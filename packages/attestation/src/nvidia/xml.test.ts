import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bounded } from "../../../../tests/support/bounded.ts";
import { MAX_XML_ATTRIBUTES, MAX_XML_CHARACTERS, MAX_XML_DEPTH, MAX_XML_ELEMENTS, parseXml } from "./xml.ts";
import { XmlError } from "./xml-element.ts";

const textOf = (xml: string) => parseXml(xml).children;

describe("parseXml", () => {
  it("reads names, namespaces, attributes and text", () => {
    const root = parseXml(
      `<?xml version="1.0" encoding="UTF-8"?>\n<a xmlns="urn:one" xmlns:p='urn:two' b="1" p:b="2"> <p:c/>text<d xmlns=""/></a>\n`,
    );
    expect(root).toMatchObject({ name: "a", namespace: "urn:one", local: "a" });
    expect(root.attributes).toEqual([
      { name: "b", namespace: "", local: "b", value: "1" },
      { name: "p:b", namespace: "urn:two", local: "b", value: "2" },
    ]);
    expect(root.children).toMatchObject([" ", { name: "p:c", namespace: "urn:two", local: "c" }, "text", { name: "d", namespace: "" }]);
  });

  it("makes every line end one character, in text and, as a space, in values", () => {
    expect(textOf("<a>1\r\n2\r3\n4</a>")).toEqual(["1\n2\n3\n4"]);
    expect(parseXml('<a b="1\r\n2\t3"/>').attributes[0]?.value).toBe("1 2 3");
    expect(textOf("<a>&#13;&#xA;</a>")).toEqual(["\r\n"]);
  });

  it("resolves the five entities and character references, once", () => {
    expect(textOf("<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;&amp;lt;</a>")).toEqual([`<>&"'A😀&lt;`]);
    expect(parseXml('<a b="&#9;&quot;&#10;"/>').attributes[0]?.value).toBe('\t"\n');
  });

  it("leaves no place for a comment to split a text in two", () => {
    expect(textOf("<a>one<!-- < & -->two<!----></a>")).toEqual(["onetwo"]);
    expect(parseXml("<!-- before --><a/><!-- after -->").children).toEqual([]);
  });

  for (const [what, xml] of [
    ["nothing", ""],
    ["no element", "text"],
    ["a byte order mark", "\uFEFF<a/>"],
    ["text behind the root", "<a/>x"],
    ["a second root", "<a/><b/>"],
    ["an element that is not closed", "<a><b></b>"],
    ["elements that cross", "<a><b></a></b>"],
    ["a closing tag too many", "<a/></a>"],
    ["a closing tag with another prefix for the same namespace", '<p:a xmlns:p="urn:x" xmlns:q="urn:x"></q:a>'],
    ["a document type", "<!DOCTYPE a><a/>"],
    ["an entity bomb", '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'],
    ["an external entity", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
    ["an unknown entity", "<a>&nbsp;</a>"],
    ["an ampersand alone", "<a>R&D</a>"],
    ["a reference that is not ended", "<a>&amp</a>"],
    ["a reference to no character", "<a>&#0;</a>"],
    ["a reference to half a character", "<a>&#xD800;</a>"],
    ["a reference beyond Unicode", "<a>&#x110000;</a>"],
    ["a control character", "<a>\u0001</a>"],
    ["a lone surrogate", "<a>\uD800</a>"],
    ["a noncharacter", "<a>\uFFFE</a>"],
    ["a processing instruction", "<a><?x y?></a>"],
    ["a stylesheet before the root", '<?xml-stylesheet href="x"?><a/>'],
    ["a declaration that does not come first", ' <?xml version="1.0"?><a/>'],
    ["a declaration twice", '<?xml version="1.0"?><?xml version="1.0"?><a/>'],
    ["XML 1.1", '<?xml version="1.1"?><a/>'],
    ["another encoding", '<?xml version="1.0" encoding="UTF-16"?><a/>'],
    ["a CDATA section", "<a><![CDATA[b]]></a>"],
    ["the end of one in a text", "<a>]]></a>"],
    ["a comment with two hyphens", "<a><!-- -- --></a>"],
    ["a comment that ends in three", "<a><!-- ---></a>"],
    ["a comment that does not end", "<a><!-- </a>"],
    ["a name that is not ASCII", "<é/>"],
    ["a name of 200 characters", `<${"a".repeat(200)}/>`],
    ["two colons in a name", '<p:q:a xmlns:p="urn:x"/>'],
    ["< in a value", '<a b="<"/>'],
    ["a value without quotes", "<a b=c/>"],
    ["attributes without space between them", '<a b="1"c="2"/>'],
    ["an attribute in a closing tag", '<a></a b="1">'],
    ["the same attribute twice", '<a b="1" b="2"/>'],
    ["the same attribute by two prefixes", '<a xmlns:p="urn:x" xmlns:q="urn:x" p:b="1" q:b="2"/>'],
    ["the same declaration twice", '<a xmlns:p="urn:x" xmlns:p="urn:y"/>'],
    ["the default declared twice", '<a xmlns="urn:x" xmlns=""/>'],
    ["a prefix that is not declared", "<p:a/>"],
    ["an attribute's prefix that is not declared", '<a p:b="1"/>'],
    ["a prefix declared by a neighbour", '<a><b xmlns:p="urn:x"/><p:c/></a>'],
    ["a prefix that is taken back", '<a xmlns:p="urn:x"><b xmlns:p=""/></a>'],
    ["an attribute of the xml namespace", '<a xml:id="b"/>'],
    ["that namespace by another prefix", '<a xmlns:p="http://www.w3.org/XML/1998/namespace" p:id="b"/>'],
    ["that prefix declared", '<a xmlns:xml="http://www.w3.org/XML/1998/namespace"/>'],
    ["the prefix xmlns declared", '<a xmlns:xmlns="http://www.w3.org/2000/xmlns/"/>'],
    ["an element with the prefix xmlns", "<xmlns:a/>"],
    ["a relative namespace name", '<a xmlns="schema.xsd"/>'],
    ["a namespace name with a space", '<a xmlns="urn:a b"/>'],
    ["more elements than are read", `<a>${"<b/>".repeat(MAX_XML_ELEMENTS)}</a>`],
    ["more depth than is read", "<a>".repeat(MAX_XML_DEPTH + 1) + "</a>".repeat(MAX_XML_DEPTH + 1)],
    ["more attributes than are read", `<a ${Array.from({ length: MAX_XML_ATTRIBUTES + 1 }, (_, i) => `b${i}="1"`).join(" ")}/>`],
    ["more namespaces than are read", `<a ${Array.from({ length: 17 }, (_, i) => `xmlns:b${i}="urn:x"`).join(" ")}/>`],
    ["more characters than are read", `<a>${" ".repeat(MAX_XML_CHARACTERS)}</a>`],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => parseXml(xml)).toThrow(XmlError);
    });
  }

  it("names the character at fault", () => {
    expect(() => parseXml("<a>\r\n<b></c></a>")).toThrow("XML, character 11: a closing tag that does not fit");
  });

  const bound = MAX_XML_CHARACTERS - 64;
  for (const [what, xml] of [
    ["open elements", "<a>".repeat(bound / 3)],
    ["one name", `<${"a".repeat(bound)}`],
    ["one value without its end", `<a b="${"c".repeat(bound)}`],
    ["white space inside a tag", `<a${" ".repeat(bound)}`],
    ["white space before an equals sign", `<a b${"\t".repeat(bound)}`],
    ["comments between the parts of a text", `<a>${"x<!---->".repeat(bound / 8)}</a>`],
    ["a comment of hyphens", `<a><!--${"- ".repeat(bound / 2)}`],
    ["ampersands", `<a>${"&".repeat(bound)}</a>`],
    ["references", `<a>${"&#x41;".repeat(bound / 6)}</a>`],
    ["carriage returns", `<a>${"\r".repeat(bound)}</a>`],
    ["declarations at every depth", nested(MAX_XML_DEPTH, bound)],
  ] as const) {
    it(`takes little time for ${what}`, async () => {
      await bounded(() => {
        try {
          parseXml(xml);
        } catch (error) {
          expect(error).toBeInstanceOf(XmlError);
        }
      });
    });
  }

  it("throws nothing but XmlError, whatever it is given", () => {
    const pieces = fc.constantFrom(
      ..."<>/&;=\"' \n\r\t-!?[]:#x",
      "<a",
      "</a>",
      "xmlns",
      "<!--",
      "-->",
      "&#x",
      "urn:x",
      "\uD800",
      "é",
      "\0",
    );
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(pieces).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        onlyXmlError(text);
        onlyXmlError(`<a>${text}</a>`);
        onlyXmlError(`<a ${text}/>`);
      }),
      { numRuns: 3000 },
    );
  });
});

function onlyXmlError(text: string): void {
  try {
    parseXml(text);
  } catch (error) {
    expect(error).toBeInstanceOf(XmlError);
  }
}

/** Many small elements that each declare namespaces. */
function nested(depth: number, characters: number): string {
  const inner = '<b xmlns="urn:y" xmlns:q="urn:y"/>';
  const around = Array.from({ length: depth - 1 }, (_, index) => `<a xmlns:p${index}="urn:x">`).join("");
  const count = Math.min(4000, Math.floor((characters - around.length * 2) / inner.length));
  return around + inner.repeat(count) + "</a>".repeat(depth - 1);
}
