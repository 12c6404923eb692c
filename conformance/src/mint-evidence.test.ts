import { appraise, parseAttestationAnswer, parsePolicy } from "@bauta/attestation";
import { toHex } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { createSimulator } from "@bauta/simulator";
import { expect, it } from "vitest";
import { mintEvidence } from "./mint-evidence.ts";

const NOW_MS = Date.UTC(2026, 10, 20, 12);

it("evidence without a fault is accepted: a case that mints some is refused for its fault alone", async () => {
  const machine = createSimulator({ nowMs: NOW_MS });
  const reference = createSimulator({ nowMs: NOW_MS });
  const nonce = toHex(backend.randomBytes(32));
  const { publicKey } = backend.createKeyPair();
  const evidence = parseAttestationAnswer(await mintEvidence({ machine, model: "e2ee-conformance", nonce, publicKey }));
  const { ok, checks } = await appraise({
    evidence,
    endorsements: evidence.endorsements,
    // As in a case: the policy is another machine's, and pins the build alone.
    policy: parsePolicy(reference.policy("conformance")),
    nonce: { query: nonce, sealed: true },
    nowMs: NOW_MS,
    trustRoots: [machine.rootDer],
  });
  expect(checks.filter(({ required, status }) => required && status !== "pass")).toEqual([]);
  expect(ok).toBe(true);
});
