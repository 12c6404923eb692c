import { equalBytes } from "@bauta/protocol";
import { type Certificate, CertificateError } from "../x509/x509.ts";
import { parseP384Certificate } from "./p384-certificate.ts";
import { parseXml } from "./xml.ts";
import { XmlError } from "./xml-element.ts";
import { openSignedXml, XmlSignatureError } from "./xml-signature.ts";

/**
 * The certificates whose status has to be asked for before a manifest can be used, each followed by its issuer. Unverified:
 * it only says what to fetch.
 * @param roots of which one is added where the manifest leaves its root out
 * @returns empty when the manifest cannot be read
 */
export function rimPath(xml: string, roots: readonly Certificate[]): readonly Certificate[] {
  try {
    const path = openSignedXml(parseXml(xml)).certificates.map((der) => parseP384Certificate(der));
    const last = path.at(-1);
    const root = roots.find(({ der, subject }) => last && equalBytes(last.issuer, subject) && !equalBytes(last.der, der));
    return root ? [...path, root] : path;
  } catch (error) {
    if (error instanceof XmlError || error instanceof XmlSignatureError || error instanceof CertificateError) return [];
    throw error;
  }
}
