import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noVectors, readJsonVector, vectorNames } from "../../../../tests/support/vectors.ts";
import { parseAttestationAnswer } from "./attestation-answer.ts";
import { EvidenceError } from "./evidence-error.ts";
import { recogniseAnswer } from "./recognise-answer.ts";

const SNP = `${"A".repeat(1579)}=`;

describe("an answer without a quote where quotes are", () => {
  it.each<[string, unknown, string | undefined]>([
    [
      "Tinfoil on AMD",
      { format: "https://tinfoil.sh/predicate/attestation/v3", cpu: { platform: "sev-snp", report: "x" } },
      "Tinfoil's, about AMD SEV-SNP",
    ],
    [
      "Tinfoil's older form",
      { enclaveAttestationReport: { format: "https://tinfoil.sh/predicate/sev-snp-guest/v2" } },
      "Tinfoil's, about AMD SEV-SNP",
    ],
    ["Tinfoil on Intel", { format: "https://tinfoil.sh/predicate/attestation/v3", cpu: { platform: "tdx" } }, "an answer of Tinfoil's,"],
    ["Chutes", { evidence: [{ quote: "x", gpu_evidence: [], instance_id: "i" }] }, "Chutes'"],
    ["Chutes behind another", { attestation_type: "chutes", all_attestations: [{ intel_quote: "x" }] }, "Chutes'"],
    ["Chutes' instances", { instances: [{ instance_id: "i", e2e_pubkey: "x" }] }, "Chutes'"],
    ["NEAR", { gateway_attestation: { intel_quote: "x" }, model_attestations: [] }, "NEAR AI Cloud's"],
    ["SNP by its size", { attestation_report: SNP }, "AMD SEV-SNP"],
    ["SNP in hex", { report: "00".repeat(1184) }, "AMD SEV-SNP"],
    ["SNP by name", { platform: "sev_snp" }, "AMD SEV-SNP"],
    ["SNP by a certificate", { vcek: "x" }, "AMD SEV-SNP"],
    ["GPUs", { evidence_list: [] }, "GPUs alone"],
    ["NRAS", [["JWT", "x"], {}], "NVIDIA's attestation service"],
    ["an error", { error: { message: "canary" } }, "an error"],
    ["wrapped", { data: { attestation: { intel_quote: "x" } } }, "there is one in data.attestation"],
    ["wrapped in a list", { results: [{ intel_quote: "x" }] }, "there is one in results[0]"],
    ["unknown", { hello: "canary" }, undefined],
    ["nothing", {}, undefined],
    ["no object", "canary", undefined],
  ])("is named: %s", (_what, answer, kind) => {
    const named = recogniseAnswer(answer);
    if (kind === undefined) expect(named).toBeUndefined();
    else expect(named).toContain(kind);
    expect(named ?? "").not.toContain("canary");
  });

  it("throws nothing but its own error, which repeats nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (answer) => {
        try {
          parseAttestationAnswer(answer);
        } catch (error) {
          expect(error).toBeInstanceOf(EvidenceError);
        }
      }),
    );
  });
});

describe.skipIf(noVectors)("recorded answers of other kinds", () => {
  it.each([
    ["chutes-2026-06-10", /chutes_.*evidence|0002.*\.body$/, "Chutes'"],
    ["phala-redpill-2026-06-10", /0001.*\.body$/, "Chutes'"],
    ["near-cloud-2026-06-10", /0001.*\.body$/, "NEAR AI Cloud's"],
    ["tinfoil-router-2026-06-18", /0001.*\.body$/, "Tinfoil's, about AMD SEV-SNP"],
    ["tinfoil-atc-v2-2026-01-22", /attestation-bundle\.json$/, "Tinfoil's, about AMD SEV-SNP"],
  ])("%s", (folder, file, kind) => {
    const name = vectorNames(`providers/${folder}`).find((one) => file.test(one));
    expect(() => parseAttestationAnswer(readJsonVector(`providers/${folder}/${name}`))).toThrow(kind);
  });
});
