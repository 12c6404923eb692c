import { describe, expect, it } from "vitest";
import { appraise } from "../../packages/attestation/src/appraise.ts";
import { parsePolicy } from "../../packages/attestation/src/policy/policy.ts";
import { parseQuote } from "../../packages/attestation/src/tdx/quote.ts";
import { toHex } from "../../packages/protocol/src/index.ts";
import { createSimulator } from "../../packages/simulator/src/index.ts";
import { noVectors } from "../support/vectors.ts";
import { readVeniceCapture } from "../support/venice-capture.ts";

describe.skipIf(noVectors)("a compose manager's quote", () => {
  it("is not taken from a simulator beside a genuine machine's own quote, also where its root is named", async () => {
    const capture = readVeniceCapture();
    const manager = capture.evidence.composeManager;
    if (!manager) throw new Error("the capture has no second quote");
    const { report } = parseQuote(manager.quote);
    const [rtmr0, rtmr1, rtmr2, rtmr3] = report.rtmr.map((register) => toHex(register)) as [string, string, string, string];
    const simulator = createSimulator({
      nowMs: capture.nowMs,
      seed: "a manager",
      machine: { mrSeam: Buffer.from(report.mrSeam) },
      faults: {
        measurements: { mrtd: toHex(report.mrTd), rtmr0, rtmr1, rtmr2, rtmr3 },
        mrConfigId: toHex(report.mrConfigId),
        tdAttributes: toHex(report.tdAttributes),
        xfam: toHex(report.xfam),
      },
    });
    const quote = await simulator.quote(report.reportData);
    const policy = parsePolicy({ version: 1, measurements: "any", require: ["dstack.runtime-compose"] });
    const judge = (composeManager: typeof manager) =>
      appraise({ ...capture, evidence: { ...capture.evidence, composeManager }, policy, trustRoots: [simulator.rootDer] });

    expect(await judge(manager)).toMatchObject({ ok: true, simulated: false });
    const { ok, simulated, checks } = await judge({ ...manager, quote });
    expect({ ok, simulated, failing: checks.filter(({ status }) => status === "fail").map(({ id }) => id) }).toEqual({
      ok: false,
      simulated: false,
      failing: ["dstack.runtime-compose"],
    });
  });
});
