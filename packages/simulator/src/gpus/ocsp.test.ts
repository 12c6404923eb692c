import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { skipUnless } from "../../../../tests/support/vectors.ts";
import { toPem } from "../certificates.ts";
import type { SimulatorFaults } from "../faults.ts";
import type { OcspChanges } from "../faults/ocsp-faults.ts";
import { createSimulator } from "../simulator.ts";
import { installed, withFolder } from "../testing/command-line-tools.ts";

/** OpenSSL dates answers by the machine's clock. */
const NOW_MS = Date.now();
const DAY_MS = 86_400_000;
const NONCE = Buffer.alloc(32, 9);
const noOpenssl = skipUnless(installed("openssl", "version"), "openssl", "apt-get install openssl");

async function mint(faults: SimulatorFaults) {
  const { gpus } = createSimulator({ nowMs: NOW_MS, gpus: { count: 2 }, seed: "ocsp", faults });
  if (!gpus) throw new Error("no GPUs were simulated");
  const payload = JSON.parse(await gpus.payload(NONCE)) as { evidence_list: { certificate: string }[] };
  const pem = Buffer.from(payload.evidence_list[1]?.certificate ?? "", "base64").toString();
  const chain = pem.match(/-----BEGIN[^]*?END CERTIFICATE-----\n/g) ?? [];
  return { gpus, chain, root: toPem(gpus.deviceRootDer) };
}

/** What OpenSSL says about the answer to its own request for the certificate at a place in the second GPU's chain. */
async function ask(changes: OcspChanges, place: 1 | 2 | 3 = 1): Promise<string> {
  const role = (["device", "device-provisioner", "device-family"] as const)[place - 1] ?? "device";
  const { gpus, chain, root } = await mint({ ocsp: { [role]: changes } });
  return withFolder(async (folder) => {
    folder.write("cert.pem", chain[place] ?? "");
    folder.write("issuer.pem", chain[place + 1] ?? "");
    folder.write("chain.pem", chain.join(""));
    folder.write("root.pem", root);
    const about = ["ocsp", "-sha384", "-issuer", "issuer.pem", "-cert", "cert.pem", "-no_nonce"];
    folder.run("openssl", [...about, "-reqout", "request.der"]);
    folder.write("answer.der", await gpus.answerOcsp(folder.read("request.der")));
    return folder.run("openssl", [...about, "-respin", "answer.der", "-CAfile", "root.pem", "-verify_other", "chain.pem"]);
  });
}

describe.skipIf(noOpenssl)("OpenSSL, asking the simulator's OCSP responder", () => {
  it("verifies that a device, its provisioner and the family's CA are good", async () => {
    for (const place of [1, 2, 3] as const) expect(await ask({}, place)).toMatch(/Response verify OK[^]*: good/);
  });

  it("verifies that a device is revoked or on hold, or that nobody knows", async () => {
    expect(await ask({ status: "revoked" })).toMatch(/Response verify OK[^]*: revoked[^]*keyCompromise/);
    expect(await ask({ status: "hold" })).toMatch(/Response verify OK[^]*: revoked[^]*certificateHold/);
    expect(await ask({ status: "unknown" })).toMatch(/Response verify OK[^]*: unknown/);
  });

  it("verifies an answer by the issuer itself", async () => {
    expect(await ask({ responder: "issuer" }, 2)).toMatch(/Response verify OK[^]*: good/);
  });

  const refusals: readonly (readonly [string, RegExp, OcspChanges])[] = [
    ["an answer past its time", /status expired/, { nextUpdateMs: NOW_MS - DAY_MS, thisUpdateMs: NOW_MS - 2 * DAY_MS }],
    ["an answer from the future", /status not yet valid/, { thisUpdateMs: NOW_MS + DAY_MS, nextUpdateMs: NOW_MS + 2 * DAY_MS }],
    ["a responder of nobody", /Response Verify Failure/, { responder: "stranger" }],
    ["a responder of another CA", /Response Verify Failure/, { responder: "rim-ca" }],
    ["a responder that may not answer", /Response Verify Failure/, { unauthorisedResponder: true }],
    ["an expired responder", /Response Verify Failure/, { expiredResponder: true }],
    ["a signature by another key", /Response Verify Failure/, { foreignSigner: true }],
    ["an answer about another certificate", /No Status found/, { serial: Buffer.from("0badc0de", "hex") }],
    ["a responder that is too busy", /trylater/, { responseStatus: 3 }],
    ["no answer", /unauthorized/, { missing: true }],
  ];
  for (const [what, reason, changes] of refusals) {
    it(`refuses ${what}`, async () => {
      const said = await ask(changes).catch((error: unknown) => String(error));
      expect(said).toMatch(reason);
    });
  }
});

describe("OCSP answers", () => {
  it("cover each GPU and every shared certificate but the roots, with the nonce that was asked for", async () => {
    const { gpus, chain } = await mint({});
    const answers = await gpus.ocsp(NONCE);
    expect(answers).toHaveLength(2 + 2 + 3);
    const serials = chain.slice(1, -1).map((pem) => Buffer.from(new X509Certificate(pem).serialNumber, "hex"));
    for (const serial of serials) expect(answers.filter((der) => Buffer.from(der).includes(serial)).length).toBeGreaterThan(0);
    for (const der of answers) expect(Buffer.from(der).includes(NONCE)).toBe(true);
    for (const der of await gpus.ocsp()) expect(Buffer.from(der).includes(NONCE)).toBe(false);
  });

  it("may hold another nonce, or be missing", async () => {
    const { gpus } = await mint({ ocsp: { device: { nonce: () => new Uint8Array(32).fill(1) }, "rim-signer": { missing: true } } });
    const answers = await gpus.ocsp(NONCE);
    expect(answers).toHaveLength(2 + 2 + 2);
    expect(answers.filter((der) => Buffer.from(der).includes(NONCE))).toHaveLength(4);
  });

  it("refuse what is no request, or about no certificate of the simulator", async () => {
    const { gpus } = await mint({});
    for (const request of [[], [0x30], [0x30, 0x80], [0x30, 5, 1], [0x30, 0], [0x30, 2, 0x30, 0], Array.from({ length: 2000 }, () => 0)])
      expect(Buffer.from(await gpus.answerOcsp(Uint8Array.from(request))).toString("hex")).toBe("30030a0101");
  });
});
