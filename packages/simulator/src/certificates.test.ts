import { appraise, type Check, parsePolicy, parseQuote } from "@bauta/attestation";
import { describe, expect, it } from "vitest";
import { type CertificateRequest, extension, type Issuer, issueCertificate, toPem, USAGE } from "./certificates.ts";
import { octetString, sequence } from "./der-writer.ts";
import { createKeyPair, createSecretSource } from "./keys.ts";
import { createMachine, sgxExtension } from "./machine.ts";
import { createSimulator } from "./simulator.ts";

const NOW_MS = Date.parse("2026-11-20T12:00:00Z");
const DAY_MS = 86_400_000;
const secrets = createSecretSource("misissued");
const machine = createMachine(secrets);

type Changes = Partial<Record<"root" | "ca" | "leaf", Partial<CertificateRequest>>>;

/** Root, CA and leaf as they should be, but for some changes. */
function issueChain(changes: Changes): [leaf: Issuer, ca: Issuer, root: Issuer] {
  const base = { notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + DAY_MS, crlUrl: "https://simulator.invalid/crl" };
  const root = issueCertificate({
    ...base,
    commonName: "Intel SGX Root CA",
    key: createKeyPair(secrets, "root"),
    usage: USAGE.signCertificates,
    pathLength: 1,
    ...changes.root,
  });
  const ca = issueCertificate({
    ...base,
    commonName: "Intel SGX PCK Processor CA",
    key: createKeyPair(secrets, "ca"),
    issuer: root,
    usage: USAGE.signCertificates,
    pathLength: 0,
    ...changes.ca,
  });
  const leaf = issueCertificate({
    ...base,
    commonName: "Intel SGX PCK Certificate",
    key: createKeyPair(secrets, "leaf"),
    issuer: ca,
    usage: USAGE.signData,
    extensions: [sgxExtension(machine)],
    ...changes.leaf,
  });
  return [leaf, ca, root];
}

/** The chain check of a quote that embeds this chain in place of its own. */
async function checkChain(pem: string, root: Issuer): Promise<Check | undefined> {
  const simulator = createSimulator({ nowMs: NOW_MS, seed: "misissued" });
  const quote = Buffer.from(await simulator.quote(new Uint8Array(64)));
  const { pckChain } = parseQuote(quote);
  const head = quote.subarray(0, quote.length - pckChain.length);
  const change = pem.length - pckChain.length;
  for (const offset of [632, 766, head.length - 4]) head.writeUInt32LE(head.readUInt32LE(offset) + change, offset);
  const result = await appraise({
    evidence: { quote: Buffer.concat([head, Buffer.from(pem)]), signingKey: "" },
    policy: parsePolicy({ version: 1, measurements: "any" }),
    nonce: { query: "5a".repeat(32), sealed: true },
    nowMs: NOW_MS,
    trustRoots: [root.der],
  });
  expect(result.checks.find((check) => check.id === "tdx.parse")?.status).toBe("pass");
  return result.checks.find((check) => check.id === "tdx.pck-chain");
}

const pemOf = (chain: readonly Issuer[]): string => toPem(...chain.map((issuer) => issuer.der));

describe("tdx.pck-chain", () => {
  it("passes a chain through a PCK Processor CA", async () => {
    const chain = issueChain({});
    expect(await checkChain(pemOf(chain), chain[2])).toMatchObject({ status: "pass" });
  });

  const stranger = issueChain({ root: { key: createKeyPair(secrets, "stranger") } });
  const withoutExtension: Changes = { leaf: { extensions: [] } };
  const faults: readonly (readonly [string, Changes, string])[] = [
    ["a TCB signer as leaf", { leaf: { commonName: "Intel SGX TCB Signing" } }, 'the first certificate is "Intel SGX TCB Signing"'],
    ["a leaf marked as a CA", { leaf: { pathLength: 0 } }, "is marked as a CA"],
    ["a leaf that may not sign", { leaf: { usage: USAGE.signCertificates } }, "may not sign data"],
    ["another CA's name", { ca: { commonName: "Intel SGX PCK Platform CA (test)" } }, "not a PCK Platform or Processor CA"],
    ["a CA that may not sign certificates", { ca: { usage: USAGE.signData } }, '"Intel SGX PCK Processor CA" may not sign certificates'],
    ["a root with too short a path", { root: { pathLength: 0 } }, "allows too short a path"],
    ["a root that may not sign certificates", { root: { usage: USAGE.signData } }, '"Intel SGX Root CA" may not sign certificates'],
    ["a leaf that is not valid yet", { leaf: { notBeforeMs: NOW_MS + 1000 } }, "is valid only from 2026-11-20T12:00:01.000Z"],
    ["a CA that has expired", { ca: { notAfterMs: NOW_MS - 1000 } }, "was valid only until 2026-11-20T11:59:59.000Z"],
    [
      "a CA signed by another root",
      { ca: { issuer: stranger[2] } },
      'the signature of "Intel SGX PCK Processor CA" is not by the key of "Intel SGX Root CA"',
    ],
    ["a leaf that names another issuer", { leaf: { issuer: stranger[2] } }, "names another issuer"],
    ["a leaf without Intel's extension", withoutExtension, "the PCK certificate's SGX extension: is missing"],
    [
      "a leaf with a broken extension",
      { leaf: { extensions: [extension("1.2.840.113741.1.13.1", sequence(sequence()))] } },
      "the PCK certificate's SGX extension",
    ],
    [
      "an unknown critical extension",
      { leaf: { extensions: [sgxExtension(machine), extension("2.5.29.36", octetString(Buffer.of(1)), true)] } },
      "is critical and not known here",
    ],
    ["an extension that appears twice", { leaf: { extensions: [sgxExtension(machine), sgxExtension(machine)] } }, "appears twice"],
  ];
  for (const [what, changes, reason] of faults) {
    it(`fails for ${what}`, async () => {
      const chain = issueChain(changes);
      const check = await checkChain(pemOf(chain), chain[2]);
      expect(check).toMatchObject({ status: "fail", reason: expect.stringContaining(reason) });
    });
  }

  it("holds at the very first and last moment of a certificate", async () => {
    for (const leaf of [{ notBeforeMs: NOW_MS }, { notAfterMs: NOW_MS }]) {
      const chain = issueChain({ leaf });
      expect((await checkChain(pemOf(chain), chain[2]))?.status).toBe("pass");
    }
  });

  it("fails for a chain in another order, of another length, or with text around it", async () => {
    const [leaf, ca, root] = issueChain({});
    for (const pem of [pemOf([ca, leaf, root]), pemOf([leaf, ca]), pemOf([leaf, ca, ca, root]), `${pemOf([leaf, ca, root])}x`, ""]) {
      expect((await checkChain(pem, root))?.status).toBe("fail");
    }
  });

  it("lists every fault, not only the first", async () => {
    const chain = issueChain({ leaf: { notAfterMs: NOW_MS - 1000, commonName: "x" }, ca: { usage: USAGE.signData } });
    const reason = (await checkChain(pemOf(chain), stranger[2]))?.reason ?? "";
    for (const part of ["neither Intel's", 'the first certificate is "x"', "may not sign certificates", "was valid only until"])
      expect(reason).toContain(part);
  });
});
