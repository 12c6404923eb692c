import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { noVectors, readVector, vectorPath } from "../../../../tests/support/vectors.ts";
import type { Collateral } from "../collateral/collateral.ts";
import { parsePemCertificates } from "../x509/pem.ts";
import { appraisePlatform } from "./platform.ts";
import { parseQuote } from "./quote.ts";
import { parseTrustRoots } from "./trust-roots.ts";

const FOLDER = "tdx/intel-qvl-sample";
const text = (name: string): string => readFileSync(vectorPath(`${FOLDER}/${name}`), "utf8");
const hex = (name: string): string => Buffer.from(readVector(`${FOLDER}/${name}`)).toString("hex");

/** The certificates of PEM files in another order: Intel wrote the sample's chains root first. */
function chainOf(...parts: readonly string[]): string {
  return parts
    .map((part) => Buffer.from(part, "base64"))
    .map((der) => `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`)
    .join("");
}

const bodiesOf = (name: string): string[] => parsePemCertificates(text(name)).map((der) => Buffer.from(der).toString("base64"));

/** A member of the answer as it was signed, and its signature. */
function signed(name: string, member: string): readonly [json: string, signature: string] {
  const answer = text(name);
  const start = answer.indexOf(`{"${member}":`) + member.length + 4;
  const end = answer.lastIndexOf(',"signature":"');
  return [answer.slice(start, end), (JSON.parse(answer) as { signature: string }).signature];
}

/** Intel's sample of 2021 with its PCK chain where quotes of today have it: nothing signs that part of a quote. */
function sample(): { quote: Uint8Array; endorsements: Collateral; root: Uint8Array } {
  const [rootBody = "", signer = ""] = bodiesOf("tcbSignChain.pem");
  const [, ca = ""] = bodiesOf("pckSignChain.pem");
  const [pck = ""] = bodiesOf("pckCert.pem");
  const original = Buffer.from(readVector(`${FOLDER}/quote.dat`));
  const { pckChain } = parseQuote(original);
  const chain = Buffer.from(chainOf(pck, ca, rootBody));
  const head = Buffer.from(original.subarray(0, original.indexOf(Buffer.from(pckChain))));
  const grown = chain.length - pckChain.length;
  // Signature data at 632, certification data at 766, and the chain's own length, the last field before it.
  for (const offset of [632, 766, head.length - 4]) head.writeUInt32LE(head.readUInt32LE(offset) + grown, offset);
  const [tcbInfo, tcbSignature] = signed("tcbInfo.json", "tcbInfo");
  const [qeIdentity, qeSignature] = signed("qeIdentity.json", "enclaveIdentity");
  return {
    quote: Buffer.concat([head, chain]),
    root: Buffer.from(rootBody, "base64"),
    endorsements: {
      tcb_info: tcbInfo,
      tcb_info_signature: tcbSignature,
      tcb_info_issuer_chain: chainOf(signer, rootBody),
      qe_identity: qeIdentity,
      qe_identity_signature: qeSignature,
      qe_identity_issuer_chain: chainOf(signer, rootBody),
      pck_crl: hex("intermediateCaCrl.der"),
      pck_crl_issuer_chain: chainOf(ca, rootBody),
      root_ca_crl: hex("rootCaCrl.der"),
    },
  };
}

describe.skipIf(noVectors)("the sample of Intel's Quote Verification Library, under its own test root", () => {
  const appraiseSample = async (roots: readonly Uint8Array[], endorsements = sample().endorsements) =>
    appraisePlatform({
      quote: sample().quote,
      endorsements,
      tcb: { accept: ["UpToDate"], refuse_advisories: [] },
      allow: { debug: false, sept_ve_disable_off: false, service_td: false, unpinned_images: false },
      nowMs: Date.parse("2022-01-01T00:00:00Z"),
      roots: parseTrustRoots(roots),
    });

  it("is signed throughout; its random values are refused where they cannot be real", async () => {
    const { findings, simulated } = await appraiseSample([sample().root]);
    const reasons = new Map(findings.map(({ id, status, reason }) => [id, `${status}: ${reason}`]));
    expect(simulated).toBe(true);
    for (const id of [
      "tdx.quote-signature",
      "tdx.attestation-key-bound",
      "tdx.qe-report-signature",
      "tdx.pck-chain",
      "tdx.pck-crl",
      "tdx.root-crl",
      "tdx.qe-identity-signature",
    ] as const)
      expect(reasons.get(id)).toMatch(/^pass/);
    // Signed, but with security versions beyond a byte.
    expect(reasons.get("tdx.tcb-info-signature")).toBe("fail: the TCB info: svn is not as Intel documents it");
    // MISCSELECT (13373B09) agrees byte by byte; the signer does not, and no enclave with these attributes ever ran.
    expect(reasons.get("tdx.qe-identity-match")).toMatch(/^fail: .*MRSIGNER e4bd.* never initialised$/);
    expect(reasons.get("tdx.qe-identity-match")).not.toMatch(/MISCSELECT|its attributes|ISVPRODID/);
  });

  it("is refused without naming its root", async () => {
    const { findings, doubt } = await appraiseSample([]);
    expect(doubt?.id).toBe("tdx.pck-chain");
    expect(findings.filter(({ status }) => status === "fail").map(({ id }) => id)).toEqual(["tdx.pck-chain", "tdx.qe-identity-match"]);
  });

  it("as Intel wrote it has a bare certificate where a chain belongs, and chains from the root down", async () => {
    const quote = readVector(`${FOLDER}/quote.dat`);
    const { doubt, findings } = await appraisePlatform({
      quote,
      tcb: { accept: ["UpToDate"], refuse_advisories: [] },
      allow: { debug: false, sept_ve_disable_off: false, service_td: false, unpinned_images: false },
      nowMs: Date.parse("2022-01-01T00:00:00Z"),
      roots: parseTrustRoots([sample().root]),
    });
    expect(doubt?.id).toBe("tdx.qe-report-signature");
    expect(findings.find(({ id }) => id === "tdx.pck-chain")?.reason).toContain("(PCK, CA, root) cannot be read");
    const { endorsements } = sample();
    const reversed = { ...endorsements, qe_identity_issuer_chain: text("tcbSignChain.pem") };
    const finding = (await appraiseSample([sample().root], reversed)).findings.find(({ id }) => id === "tdx.qe-identity-signature");
    expect(finding).toMatchObject({ status: "fail", reason: expect.stringContaining("ends in another root") as string });
  });
});

describe.skipIf(noVectors)("Google's quote with other bytes behind it", () => {
  it("is refused, and holds without them", () => {
    const quote = readVector("tdx/google-extra-bytes/tdx_prod_quote_SPR_E4.dat");
    expect(() => parseQuote(quote)).toThrow("is followed by bytes that are not zero");
    const length = 48 + 584 + 4 + new DataView(quote.buffer).getUint32(48 + 584, true);
    expect(quote.length - length).toBe(39);
    expect(parseQuote(quote.subarray(0, length)).version).toBe(4);
    expect(parseQuote(readVector("tdx/google-extra-bytes/cos-113-tdx-quote.dat")).version).toBe(4);
  });
});
