import { equalBytes, parseBase64, utf8 } from "@bauta/protocol";
import { canonicalizeXml } from "./canonical-xml.ts";
import { verifyP384 } from "./p384.ts";
import { type XmlElement, XmlError } from "./xml-element.ts";

const DSIG = "http://www.w3.org/2000/09/xmldsig#";
const CANONICAL_XML_1_1 = "http://www.w3.org/2006/12/xml-c14n11";
const ENVELOPED = `${DSIG}enveloped-signature`;
const ECDSA_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";
/** NVIDIA's manifests use this one of the two names that SHA-384 has had; the other is not known to be in use. */
const SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384";

const DIGEST_BYTES = 48;
/** r ‖ s of P-384. */
const SIGNATURE_BYTES = 96;
const MAX_X509_CERTIFICATES = 8;
const MAX_CERTIFICATE_BYTES = 8 * 1024;

/** A document without a signature of the one form that is read here. */
export class XmlSignatureError extends XmlError {
  override readonly name = "XmlSignatureError";
  override readonly code = "xml_signature_malformed";
}

/** A document taken apart; nothing in it has been verified. */
export interface SignedXml {
  /** The root element without the signature: what the digest is of, and the only part to be read once it holds. */
  readonly content: XmlElement;
  readonly signedInfo: XmlElement;
  readonly digest: Uint8Array<ArrayBuffer>;
  /** r ‖ s, 96 bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** DER, in the order of the document; at least one. */
  readonly certificates: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Takes the enveloped signature out of a document. One form only, that of NVIDIA's manifests: one Signature, a child of the
 * root, with one Reference to the whole document (`URI=""`), digested with SHA-384 after the enveloped-signature transform
 * and Canonical XML 1.1, signed with ECDSA and SHA-384, with its certificates in KeyInfo. No member may be missing, be there
 * twice, have other attributes or hold anything else, so no part of a signature can be read in two ways; and since a
 * reference cannot name an element, none can be put in the place of the signed one.
 * @throws XmlSignatureError
 * @see XML Signature Syntax and Processing 1.1 §4, §6.6.4 and §8.1; RFC 6931 §2.3.6
 */
export function openSignedXml(root: XmlElement): SignedXml {
  const signatures = root.children.filter((child): child is XmlElement => typeof child !== "string" && isSignature(child));
  const [signature] = signatures;
  if (!signature || signatures.length > 1) throw new XmlSignatureError(`${signatures.length} signatures in the root element, not 1`);
  const content = { ...root, children: root.children.filter((child) => child !== signature) };
  if (holdsDsig(content)) throw new XmlSignatureError("parts of a signature outside the Signature element");

  const [signedInfo, value, keyInfo] = readMembers(signature, ["SignedInfo", "SignatureValue", "KeyInfo"]);
  const [canonicalization, method, reference] = readMembers(signedInfo, ["CanonicalizationMethod", "SignatureMethod", "Reference"]);
  const [transforms, digestMethod, digestValue] = readMembers(reference, ["Transforms", "DigestMethod", "DigestValue"], { URI: "" });
  const [enveloped, canonical] = readMembers(transforms, ["Transform", "Transform"]);
  assertAlgorithm(canonicalization, CANONICAL_XML_1_1);
  assertAlgorithm(method, ECDSA_SHA384);
  assertAlgorithm(enveloped, ENVELOPED);
  assertAlgorithm(canonical, CANONICAL_XML_1_1);
  assertAlgorithm(digestMethod, SHA384);
  return {
    content,
    signedInfo,
    digest: readBytes(digestValue, DIGEST_BYTES, DIGEST_BYTES),
    signature: readBytes(value, SIGNATURE_BYTES, SIGNATURE_BYTES),
    certificates: readCertificates(keyInfo),
  };
}

/**
 * Verifies that a key signed a document, in the two steps of XML signatures: the key signed SignedInfo, and its digest is
 * that of the content. Whether the key may do so is not looked at.
 * @param publicKey `04 ‖ x ‖ y`, 97 bytes
 * @returns what is wrong, as clauses; nothing when both hold
 * @see XML Signature Syntax and Processing 1.1 §3.2
 */
export async function signatureFaults(signed: SignedXml, publicKey: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const [digest, holds] = await Promise.all([
    crypto.subtle.digest("SHA-384", utf8(canonicalizeXml(signed.content))),
    verifyP384(publicKey, signed.signature, utf8(canonicalizeXml(signed.signedInfo))),
  ]);
  return [
    ...(equalBytes(new Uint8Array(digest), signed.digest) ? [] : ["its contents are not those that were signed"]),
    ...(holds ? [] : ["its signature is not by the key of the certificate that it names"]),
  ];
}

function isSignature(element: XmlElement): boolean {
  return element.namespace === DSIG && element.local === "Signature";
}

function holdsDsig(element: XmlElement): boolean {
  return element.namespace === DSIG || element.children.some((child) => typeof child !== "string" && holdsDsig(child));
}

/** Reads an element that holds exactly these elements, in this order, with white space between them. */
function readMembers<const Names extends readonly string[]>(
  element: XmlElement,
  names: Names,
  attributes: Readonly<Record<string, string>> = {},
): { [Index in keyof Names]: XmlElement } {
  assertAttributes(element, attributes);
  const members = element.children.filter((child): child is XmlElement => typeof child !== "string" || !/^[ \t\n]*$/.test(child));
  const fits = members.length === names.length && members.every((member, index) => isMember(member, names[index]));
  if (!fits) throw new XmlSignatureError(`${element.local} does not hold exactly ${names.join(", ")}`);
  return members as { [Index in keyof Names]: XmlElement };
}

/** A text, which is none, has neither property. */
function isMember(member: XmlElement | string, name: string | undefined): boolean {
  return typeof member !== "string" && member.namespace === DSIG && member.local === name;
}

function assertAttributes(element: XmlElement, expected: Readonly<Record<string, string>>): void {
  const { attributes, local } = element;
  const names = Object.keys(expected);
  const fits = attributes.every(({ name, value }) => expected[name] === value) && attributes.length === names.length;
  if (!fits)
    throw new XmlSignatureError(`${local} has other attributes than ${names.map((name) => `${name}="${expected[name]}"`).join(", ")}`);
}

/** An algorithm has no parameters here. */
function assertAlgorithm(element: XmlElement, algorithm: string): void {
  readMembers(element, [], { Algorithm: algorithm });
}

function readCertificates(keyInfo: XmlElement): readonly Uint8Array<ArrayBuffer>[] {
  const [data] = readMembers(keyInfo, ["X509Data"]);
  const count = data.children.filter((child) => typeof child !== "string").length;
  if (count < 1 || count > MAX_X509_CERTIFICATES) throw new XmlSignatureError(`${count} certificates, not 1 to ${MAX_X509_CERTIFICATES}`);
  return readMembers(
    data,
    Array.from({ length: count }, () => "X509Certificate"),
  ).map((certificate) => readBytes(certificate, 1, MAX_CERTIFICATE_BYTES));
}

/** Reads an element that holds nothing but base64, with white space anywhere in it. */
function readBytes(element: XmlElement, minBytes: number, maxBytes: number): Uint8Array<ArrayBuffer> {
  assertAttributes(element, {});
  const [text = "", ...more] = element.children;
  const bytes = more.length === 0 && typeof text === "string" ? parseBase64(text.replace(/[ \t\n]+/g, ""), maxBytes) : undefined;
  if (!bytes || bytes.length < minBytes) throw new XmlSignatureError(`${element.local} is not base64 of ${minBytes} to ${maxBytes} bytes`);
  return bytes;
}
