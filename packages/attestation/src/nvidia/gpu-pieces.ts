import { parseBase64, toBase64, toHex } from "@bauta/protocol";
import { CollateralError } from "../collateral/collateral-error.ts";
import { decodeText } from "../collateral/signed-json.ts";
import { sha256 } from "../x509/ecdsa.ts";
import { quotedName } from "../x509/issued.ts";
import type { IssuedCertificate } from "./issued-certificate.ts";
import { isObject } from "./json-web-token.ts";
import { createCertId } from "./ocsp-request.ts";
import { isSameCertId, MAX_OCSP_BYTES, OcspError, type OcspSingleResponse, parseOcspResponse } from "./ocsp-response.ts";
import { MAX_XML_CHARACTERS } from "./xml.ts";

/** In base64 and JSON, a manifest takes a third more and a little. */
export const MAX_RIM_ANSWER_BYTES = 2 * MAX_XML_CHARACTERS;
/** NRAS's key set has 81,000 bytes. */
export const MAX_KEY_SET_BYTES = 512 * 1024;
/** For eight GPUs NRAS answers with 17,000 bytes. */
export const MAX_NRAS_ANSWER_BYTES = 256 * 1024;
/** Letters, digits, `_`, `.` and `-`: as NVIDIA names manifests, and nothing that means something in an address. */
const RIM_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** @throws CollateralError (`collateral_settings`) */
export function checkRimId(id: string): string {
  if (!RIM_ID.test(id) || id.includes(".."))
    throw new CollateralError("collateral_settings", "rim", "the manifest's name is not one of NVIDIA's");
  return id;
}

/**
 * Reads the RIM service's answer, `{"id", "rim": base64, "sha256": hex of the manifest, …}`.
 * @returns the manifest, XML
 * @throws CollateralError
 * @see NVIDIA RIM service, `GET /v1/rim/{id}`
 */
export async function readRimAnswer(body: Uint8Array, id: string): Promise<string> {
  const what = `rim ${id}`;
  const fail = (problem: string): never => {
    throw new CollateralError("collateral_malformed", what, problem);
  };
  const answer = readJson(body, what);
  if (!isObject(answer)) return fail("is not a JSON object");
  const { id: named, rim, sha256: digest, rim_format: format = "TCG" } = answer;
  if (named !== id) throw new CollateralError("collateral_mismatch", what, "is not the manifest that was asked for");
  if (format !== "TCG") return fail("is not in the format TCG (SWID)");
  const bytes = typeof rim === "string" ? parseBase64(rim.replace(/\s+/g, ""), MAX_XML_CHARACTERS) : undefined;
  if (!bytes) return fail(`has no "rim" in base64 of up to ${MAX_XML_CHARACTERS} bytes`);
  const same = digest === undefined || (typeof digest === "string" && digest.toLowerCase() === toHex(await sha256(bytes)));
  return same ? decodeText(bytes, what) : fail('is not what its "sha256" says: it was cut or changed on its way');
}

/** Names an OCSP answer in errors. */
export function ocspName({ cert }: IssuedCertificate): string {
  return `ocsp ${quotedName(cert.commonName)}`;
}

/**
 * Checks that an OCSP answer is about a certificate. Who signed it is left to the appraisal.
 * @param nonce what the request had: an older answer has another
 * @returns what it says of the certificate
 * @throws CollateralError
 */
export async function readOcspAnswer(body: Uint8Array, pair: IssuedCertificate, nonce?: Uint8Array): Promise<OcspSingleResponse> {
  const what = ocspName(pair);
  try {
    const response = parseOcspResponse(body);
    const certId = await createCertId(pair);
    const single = response.responses.find((candidate) => isSameCertId(candidate.certId, certId));
    if (!single) throw new CollateralError("collateral_mismatch", what, "is about another certificate");
    if (nonce && (!response.nonce || toHex(response.nonce) !== toHex(nonce))) {
      throw new CollateralError("collateral_mismatch", what, "does not repeat the nonce: it may be an old answer");
    }
    if (single.nextUpdateMs === undefined) throw new CollateralError("collateral_malformed", what, "does not say until when it holds");
    return single;
  } catch (cause) {
    if (cause instanceof OcspError) throw new CollateralError("collateral_refused", what, cause.message, { cause });
    throw cause;
  }
}

/** An OCSP answer as text, for a store. */
export const ocspText = {
  write: toBase64,
  read: (text: string): Uint8Array<ArrayBuffer> => parseBase64(text, MAX_OCSP_BYTES) ?? new Uint8Array(),
} as const;

/** Parses an answer's JSON. @throws CollateralError (`collateral_malformed`) */
export function readJson(body: Uint8Array, what: string): unknown {
  const text = decodeText(body, what);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CollateralError("collateral_malformed", what, "is not JSON", { cause });
  }
}
