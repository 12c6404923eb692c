import { createHash } from "node:crypto";
import type { GpuCertificateRole } from "../faults/gpu-certificate-faults.ts";
import type { RimChanges, RimContents } from "../faults/rim-faults.ts";
import { createKeyPair, createSecretSource, signRaw } from "../keys.ts";
import type { GpuPki } from "./gpu-pki.ts";
import { rimDocument } from "./rim-document.ts";
import { canonicalXml, writeXml, type XmlElement } from "./xml-writer.ts";

const DS = "http://www.w3.org/2000/09/xmldsig#";
const C14N = "http://www.w3.org/2006/12/xml-c14n11";
const ECDSA_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";
const SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384";
const DS_PREFIX: NonNullable<XmlElement["namespaces"]> = [["ds", DS]];
const CHAIN: readonly GpuCertificateRole[] = ["rim-signer", "rim-issuer", "rim-ca", "rim-root"];
const BASE64_LINE = /.{1,64}/g;

/**
 * Writes and signs a RIM: an enveloped signature over the canonical document, with the chain of its signer.
 * @returns the XML text
 * @see W3C XML Signature 1.1 §4, §6.6.4
 */
export function issueRim(pki: GpuPki, contents: RimContents, changes: RimChanges = {}): string {
  const document = rimDocument(changes.contents?.(contents) ?? contents);
  const digest = createHash("sha384").update(canonicalXml(document)).digest();
  const signedInfo = signedInfoOf(changes.digest?.(digest) ?? digest);
  const { signer = "rim-signer" } = changes;
  const key = signer === "stranger" ? createKeyPair(createSecretSource(undefined), "stranger", "P-384") : pki.certificate(signer).key;
  const signature = signRaw(key, Buffer.from(canonicalXml(signedInfo, [...(document.namespaces ?? []), ...DS_PREFIX])));
  const chain = changes.chain ?? (signer === "stranger" || signer === "rim-signer" ? CHAIN : [signer, ...CHAIN.slice(1)]);
  const xml = writeXml({
    ...document,
    children: [
      ...(document.children ?? []),
      {
        name: "ds:Signature",
        namespaces: DS_PREFIX,
        children: [
          signedInfo,
          { name: "ds:SignatureValue", children: [Buffer.from(changes.signature?.(signature) ?? signature).toString("base64")] },
          { name: "ds:KeyInfo", children: [{ name: "ds:X509Data", children: chain.map((role) => embedded(pki.certificate(role).der)) }] },
        ],
      },
    ],
  });
  return changes.text?.(xml) ?? xml;
}

function signedInfoOf(digest: Uint8Array): XmlElement {
  const algorithm = (name: string, uri: string): XmlElement => ({ name, attributes: [["Algorithm", uri]] });
  return {
    name: "ds:SignedInfo",
    children: [
      algorithm("ds:CanonicalizationMethod", C14N),
      algorithm("ds:SignatureMethod", ECDSA_SHA384),
      {
        name: "ds:Reference",
        attributes: [["URI", ""]],
        children: [
          { name: "ds:Transforms", children: [algorithm("ds:Transform", `${DS}enveloped-signature`), algorithm("ds:Transform", C14N)] },
          algorithm("ds:DigestMethod", SHA384),
          { name: "ds:DigestValue", children: [Buffer.from(digest).toString("base64")] },
        ],
      },
    ],
  };
}

function embedded(der: Buffer): XmlElement {
  const lines = der.toString("base64").match(BASE64_LINE) ?? [];
  return { name: "ds:X509Certificate", children: [`${lines.join("\n")}\n`] };
}
