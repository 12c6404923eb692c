import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseXml } from "../../packages/attestation/src/nvidia/xml.ts";
import { openSignedXml, signatureFaults } from "../../packages/attestation/src/nvidia/xml-signature.ts";
import { xmlDocuments } from "./xml-documents.ts";
import { noXmlsec, runOnFiles } from "./xmlsec.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
const KEY = privateKey.export({ format: "pem", type: "pkcs8" });
/** SPKI ends in `04 ‖ x ‖ y`. */
const POINT = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-97));

const C14N = "http://www.w3.org/2006/12/xml-c14n11";
const DSIG = "http://www.w3.org/2000/09/xmldsig#";
const KEY_INFO = "<KeyInfo><X509Data><X509Certificate>MAA=</X509Certificate></X509Data></KeyInfo>";
/** A signature to be filled in. */
const TEMPLATE =
  `<Signature xmlns="${DSIG}">\n<SignedInfo><CanonicalizationMethod Algorithm="${C14N}"/><SignatureMethod ` +
  'Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"/>\r\n<Reference URI=""><Transforms><Transform ' +
  `Algorithm="${DSIG}enveloped-signature"/><Transform Algorithm='${C14N}'/></Transforms><!-- c --><DigestMethod ` +
  'Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384" /><DigestValue/></Reference></SignedInfo><SignatureValue/></Signature>';

/** Declarations around the signature: SignedInfo has to be canonicalised with them. */
const DECLARATIONS = ["", 'xmlns="urn:root"', 'xmlns:z="urn:z" xmlns:a="urn:a"', 'xmlns="urn:root" xmlns:ds="urn:not-dsig" b="1"'];

describe.skipIf(noXmlsec)("documents that xmlsec signed", () => {
  const document = fc
    .tuple(fc.constantFrom(...DECLARATIONS), xmlDocuments({ comments: true }), fc.constantFrom("", " \r\n", "<!-- c -->"))
    .map(
      ([declarations, inner, between]) =>
        `<root ${declarations}>${inner.replace(/^<\?xml.*\?>/, "")}${between}${TEMPLATE}${between}</root>`,
    );

  it("verify, comments or not, and no longer when something changes", async () => {
    await fc.assert(
      fc.asyncProperty(document, async (unsigned) => {
        const signed = sign(unsigned);
        expect(await faultsOf(signed)).toEqual([]);
        expect(await faultsOf(signed.replace("<root", '<root x="1"'))).toEqual(["its contents are not those that were signed"]);
        const elsewhere = await faultsOf(signed.replace("<root", '<root xmlns:new="urn:new"'));
        expect(elsewhere).toHaveLength(2);
      }),
      { numRuns: 40 },
    );
  });
});

function faultsOf(xml: string): Promise<string[]> {
  return signatureFaults(openSignedXml(parseXml(xml)), POINT);
}

/** Puts what xmlsec computed into the text that it was given: the text that it writes is spelt in its own way. */
function sign(unsigned: string): string {
  const program = 'xmlsec1 --sign --privkey-pem "$1" "$0"';
  const output = runOnFiles("sh", ["-c", program], [unsigned, KEY.toString()]);
  return ["DigestValue", "SignatureValue"]
    .reduce((xml, name) => {
      const value = new RegExp(`<${name}>([^<]+)</${name}>`).exec(output)?.[1] ?? "";
      return xml.replace(`<${name}/>`, `<${name}>${value}</${name}>`);
    }, unsigned)
    .replace("</Signature>", `${KEY_INFO}</Signature>`);
}
