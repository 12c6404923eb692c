import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseXml } from "./xml.ts";
import { XmlError } from "./xml-element.ts";
import { openSignedXml, XmlSignatureError } from "./xml-signature.ts";

const DSIG = "http://www.w3.org/2000/09/xmldsig#";
const C14N = "http://www.w3.org/2006/12/xml-c14n11";
const DIGEST = Buffer.alloc(48, 1).toString("base64");
const VALUE = Buffer.alloc(96, 2).toString("base64");

const SIGNED_INFO =
  `<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="${C14N}"/>` +
  '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"/>' +
  `<ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="${DSIG}enveloped-signature"/><ds:Transform Algorithm="${C14N}"/></ds:Transforms>` +
  '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"/>' +
  `<ds:DigestValue>${DIGEST}</ds:DigestValue></ds:Reference></ds:SignedInfo>`;
const KEY_INFO = "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>MAA=</ds:X509Certificate></ds:X509Data></ds:KeyInfo>";
const SIGNATURE = `<ds:Signature xmlns:ds="${DSIG}">${SIGNED_INFO}<ds:SignatureValue>${VALUE}</ds:SignatureValue>${KEY_INFO}</ds:Signature>`;
const around = (signature: string, content = '<content index="1"/>') => `<root xmlns="urn:root" id="r">${content}${signature}</root>`;
const changed = (from: string | RegExp, to: string) => {
  const text = SIGNATURE.replace(from, to);
  if (text === SIGNATURE) throw new Error(`nothing to change: ${String(from)}`);
  return around(text);
};
const open = (xml: string) => openSignedXml(parseXml(xml));

describe("openSignedXml", () => {
  it("takes a document apart, and leaves the signature out of what is to be read", () => {
    const { content, signedInfo, digest, signature, certificates } = open(around(SIGNATURE));
    expect(content).toMatchObject({ local: "root", children: [{ local: "content" }] });
    expect(signedInfo.local).toBe("SignedInfo");
    expect([digest[0], digest.length, signature[0], signature.length]).toEqual([1, 48, 2, 96]);
    expect(certificates).toEqual([Uint8Array.of(0x30, 0)]);
  });

  it("knows the namespace, not the prefix, and takes white space between members and in base64", () => {
    const spelt = SIGNATURE.replaceAll("xmlns:ds", "xmlns").replaceAll("ds:", "").replaceAll("><", ">\r\n <");
    const wrapped = spelt.replace(VALUE, (value) => `\n${value.slice(0, 64)}\n\t${value.slice(64)} `);
    expect(open(`<p:root xmlns:p="urn:root">${wrapped}</p:root>`).signature).toHaveLength(96);
  });

  it("reads all of a text that a comment divides", () => {
    const { digest } = open(changed(DIGEST, `${DIGEST.slice(0, 32)}<!-- x -->${DIGEST.slice(32)}`));
    expect(digest).toEqual(new Uint8Array(48).fill(1));
  });

  const other = `<content index="2"/>`;
  for (const [what, xml] of [
    ["no signature", around("")],
    ["two signatures", around(SIGNATURE + SIGNATURE)],
    ["two, the first in the place of the content", `<root xmlns="urn:root">${SIGNATURE}${SIGNATURE}</root>`],
    ["a signature that is the root", SIGNATURE],
    ["a signature deeper in", around(`<box>${SIGNATURE}</box>`)],
    ["a second one deeper in", around(SIGNATURE, `<box>${SIGNATURE}</box>`)],
    ["the signed document inside another one", `<root xmlns="urn:root">${other}<box>${around(SIGNATURE)}</box></root>`],
    [
      "the signed document inside another one's signature",
      around(SIGNATURE.replace("</ds:Signature>", `<ds:Object>${around("")}</ds:Object></ds:Signature>`), other),
    ],
    ["a SignedInfo outside the signature", around(SIGNATURE, SIGNED_INFO.replace("<ds:SignedInfo", `<ds:SignedInfo xmlns:ds="${DSIG}"`))],
    ["two SignedInfos", changed(SIGNED_INFO, SIGNED_INFO + SIGNED_INFO)],
    ["two SignatureValues", changed(/<ds:SignatureValue>.*<\/ds:SignatureValue>/, "$&$&")],
    ["two KeyInfos", changed(KEY_INFO, KEY_INFO + KEY_INFO)],
    ["no KeyInfo", changed(KEY_INFO, "")],
    ["members in another order", changed(/(<ds:SignatureValue>.*<\/ds:SignatureValue>)(<ds:KeyInfo>.*<\/ds:KeyInfo>)/, "$2$1")],
    ["two References", changed(/<ds:Reference .*<\/ds:Reference>/, "$&$&")],
    ["no Reference", changed(/<ds:Reference .*<\/ds:Reference>/, "")],
    ["a Reference to an element", changed('URI=""', 'URI="#r"')],
    ["a Reference to an XPointer", changed('URI=""', 'URI="#xpointer(/)"')],
    ["a Reference to somewhere else", changed('URI=""', 'URI="http://example.com/"')],
    ["a Reference to nothing", changed(' URI=""', "")],
    ["a Reference with a type", changed('URI=""', `URI="" Type="${DSIG}Object"`)],
    ["a Reference by an attribute of another namespace", changed('URI=""', 'xmlns:x="urn:x" x:URI=""')],
    ["no transforms", changed(/<ds:Transforms>.*<\/ds:Transforms>/, "")],
    ["the enveloped transform alone", changed(`<ds:Transform Algorithm="${C14N}"/>`, "")],
    ["canonicalisation alone", changed(`<ds:Transform Algorithm="${DSIG}enveloped-signature"/>`, "")],
    ["transforms in another order", changed(/(<ds:Transform A.*?\/>)(<ds:Transform A.*?\/>)/, "$2$1")],
    ["an XPath transform", changed("#enveloped-signature", "http://www.w3.org/TR/1999/REC-xpath-19991116")],
    [
      "an XSLT transform beside",
      changed("</ds:Transforms>", '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/></ds:Transforms>'),
    ],
    [
      "a transform with parameters",
      changed(`<ds:Transform Algorithm="${C14N}"/>`, `<ds:Transform Algorithm="${C14N}"><ds:XPath>x</ds:XPath></ds:Transform>`),
    ],
    ["canonicalisation with comments", changed(C14N, `${C14N}#WithComments`)],
    ["exclusive canonicalisation", changed(C14N, "http://www.w3.org/2001/10/xml-exc-c14n#")],
    ["a MAC", changed("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", `${DSIG}hmac-sha1`)],
    [
      "a MAC of no length",
      changed(/(<ds:SignatureMethod Algorithm=".*?")\/>/, "$1><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>"),
    ],
    ["SHA-1", changed("http://www.w3.org/2001/04/xmldsig-more#sha384", `${DSIG}sha1`)],
    ["an algorithm with a space", changed("ecdsa-sha384", "ecdsa-sha384 ")],
    ["text between members", changed("<ds:KeyInfo>", "x<ds:KeyInfo>")],
    ["an element inside a digest", changed(DIGEST, `<x xmlns="urn:x"/>${DIGEST}`)],
    ["a digest that is empty", changed(DIGEST, "")],
    ["a digest that is shorter", changed(DIGEST, DIGEST.slice(0, 60))],
    ["a digest that is longer", changed(DIGEST, `${DIGEST}AAAA`)],
    ["a digest that is not base64", changed(DIGEST, `!${DIGEST.slice(1)}`)],
    ["a signature in DER", changed(VALUE, Buffer.alloc(104, 2).toString("base64"))],
    ["a signature of another length", changed(VALUE, VALUE.slice(4))],
    ["a key's value in the place of certificates", changed(/<ds:X509Data>.*<\/ds:X509Data>/, "<ds:KeyValue/>")],
    ["a key's name beside them", changed("<ds:X509Data>", "<ds:KeyName>x</ds:KeyName><ds:X509Data>")],
    ["certificates in two places", changed(/<ds:X509Data>.*<\/ds:X509Data>/, "$&$&")],
    ["no certificate", changed(/<ds:X509Certificate>.*<\/ds:X509Certificate>/, "")],
    ["nine certificates", changed(/<ds:X509Certificate>.*<\/ds:X509Certificate>/, "$&".repeat(9))],
    ["an empty certificate", changed("MAA=", "")],
    ["a certificate without end", changed("MAA=", "MAAA".repeat(3000))],
    ["a member of another namespace", changed("<ds:KeyInfo>", '<ds:KeyInfo xmlns:ds="urn:x">')],
    ["a signature with an Id", changed("<ds:Signature ", '<ds:Signature Id="s" ')],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => open(xml)).toThrow(XmlSignatureError);
    });
  }

  it("throws nothing but its own error and the parser's, however a document is changed", () => {
    const xml = around(SIGNATURE);
    const edits = fc.array(fc.tuple(fc.nat(xml.length - 1), fc.nat(8), fc.constantFrom("", "<", ">", "/", '"', "ds:", "x", SIGNED_INFO)), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(edits, (list) => {
        let text = xml;
        for (const [offset, length, insert] of list) text = text.slice(0, offset) + insert + text.slice(offset + length);
        try {
          open(text);
        } catch (error) {
          expect(error instanceof XmlSignatureError || error instanceof XmlError, String(error)).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
