import { describe, expect, it } from "vitest";
import { canonicalizeXml } from "./canonical-xml.ts";
import type { XmlElement } from "./xml-element.ts";
import { parseXml } from "./xml.ts";

const canonical = (xml: string) => canonicalizeXml(parseXml(xml));

describe("canonicalizeXml", () => {
  for (const [what, xml, expected] of [
    ["drops the declaration and what surrounds the root", '<?xml version="1.0"?>\n<!-- c --><a/>\n', "<a></a>"],
    ["drops comments", "<a>1<!-- c -->2</a>", "<a>12</a>"],
    ["keeps white space inside the root", "<a>\r\n <b />\t</a>", "<a>\n <b></b>\t</a>"],
    [
      "puts attributes in order: none, then by namespace name, not by prefix",
      '<a xmlns:y="urn:1" xmlns:x="urn:2" x:b="3" y:c="2" y:b="1" d="0"/>',
      '<a xmlns:x="urn:2" xmlns:y="urn:1" d="0" y:b="1" y:c="2" x:b="3"></a>',
    ],
    ["puts upper case before lower case", '<a b="1" C="2"/>', '<a C="2" b="1"></a>'],
    ["declares a namespace once, even if nobody uses it", '<a xmlns:p="urn:1"><b xmlns:p="urn:1"/></a>', '<a xmlns:p="urn:1"><b></b></a>'],
    [
      "declares a prefix again when it changes",
      '<a xmlns:p="urn:1"><p:b xmlns:p="urn:2"/><p:b/></a>',
      '<a xmlns:p="urn:1"><p:b xmlns:p="urn:2"></p:b><p:b></p:b></a>',
    ],
    [
      "takes the default back only where there was one",
      '<a xmlns=""><b xmlns="urn:1"><c xmlns=""/></b></a>',
      '<a><b xmlns="urn:1"><c xmlns=""></c></b></a>',
    ],
    ["escapes text", `<a>&amp;&lt;&gt;"'&#13;&#9;</a>`, `<a>&amp;&lt;&gt;"'&#xD;\t</a>`],
    ["escapes values", `<a b='&amp;&lt;>"&#9;&#10;&#13;'/>`, '<a b="&amp;&lt;>&quot;&#x9;&#xA;&#xD;"></a>'],
  ] as const) {
    it(what, () => {
      expect(canonical(xml)).toBe(expected);
    });
  }

  it("declares on an element that is written alone what is in scope around it", () => {
    const [inner] = parseXml('<a xmlns="urn:1" xmlns:q="urn:3" xmlns:p="urn:2"><p:b c="d"/></a>').children as [XmlElement];
    expect(canonicalizeXml(inner)).toBe('<p:b xmlns="urn:1" xmlns:p="urn:2" xmlns:q="urn:3" c="d"></p:b>');
  });

  it("is its own canonical form", () => {
    const once = canonical('<a xmlns="urn:1" b="&#9;&lt;">&#13;<c xmlns=""/>&gt;</a>');
    expect(canonical(once)).toBe(once);
  });
});
