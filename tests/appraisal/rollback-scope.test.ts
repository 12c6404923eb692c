import { describe, expect, it } from "vitest";
import {
  createAppraiser,
  createRollbackMemory,
  type Evidence,
  parsePolicy,
  type RollbackMemory,
} from "../../packages/attestation/src/index.ts";
import { createSimulator, type Simulator, type SimulatorFaults } from "../../packages/simulator/src/index.ts";
import { extension } from "../../packages/simulator/src/certificates.ts";
import { integer } from "../../packages/simulator/src/der-writer.ts";
import { NOW_MS } from "./platform-case.ts";

const policy = parsePolicy({ version: 1, measurements: "any" });

function simulate(seed: string, faults: SimulatorFaults = {}): Simulator {
  return createSimulator({ nowMs: NOW_MS, seed, faults });
}

async function appraiseWith(memory: RollbackMemory, simulator: Simulator) {
  const appraiser = createAppraiser({ nowMs: () => NOW_MS, trustRoots: [simulator.rootDer], memory });
  const evidence = { quote: await simulator.quote(new Uint8Array(64)), endorsements: simulator.collateral, signingKey: "" } as Evidence;
  const { ok, checks, collateral } = await appraiser.appraise({ evidence, policy, scope: "platform" });
  return { ok, failing: checks.filter(({ status }) => status === "fail").map(({ id }) => id), numbers: collateral?.numbers ?? {} };
}

const higher: SimulatorFaults = {
  tcbInfo: { content: (info) => ({ ...info, tcbEvaluationDataNumber: 999 }) },
  qeIdentity: { content: (identity) => ({ ...identity, tcbEvaluationDataNumber: 999 }) },
  pckCrl: { thisUpdateMs: NOW_MS, fillerEntries: 7 },
  rootCrl: { thisUpdateMs: NOW_MS, fillerEntries: 7 },
};

describe("one rollback memory for several roots", () => {
  it("keeps a simulator's numbers from another's of the same machine and names", async () => {
    const memory = createRollbackMemory();
    for (const simulator of [simulate("one", higher), simulate("another")]) {
      expect(await appraiseWith(memory, simulator)).toMatchObject({ ok: true, failing: [] });
    }
  });

  it("refuses what is older below the same root", async () => {
    const [memory, simulator] = [createRollbackMemory(), simulate("one")];
    const { numbers } = await appraiseWith(memory, simulator);
    await memory.note(Object.fromEntries(Object.entries(numbers).map(([key, number]) => [key, `${BigInt(number) + 2n ** 32n + 1n}`])));
    expect((await appraiseWith(memory, simulator)).failing).toEqual(["tdx.pck-crl", "tdx.root-crl", "tdx.evaluation-number"]);
  });

  it("puts a scope of 16 hex digits before each key below a named root", async () => {
    const { numbers } = await appraiseWith(createRollbackMemory(), simulate("one"));
    const keys = Object.keys(numbers).map((key) => /^[0-9a-f]{16}:(.*)$/.exec(key)?.[1]);
    expect(new Set(keys)).toEqual(new Set(["crl:Intel SGX PCK Platform CA", "crl:Intel SGX Root CA", "qe", "tcb:53494d000000"]));
  });

  it("takes what a named root signs, however long its name, early its list or high its number", async () => {
    const named = simulate("one", { certificates: { root: { commonName: "r".repeat(600) } } });
    expect(await appraiseWith(createRollbackMemory(), named)).toMatchObject({ ok: true });
    const early = simulate("one", {
      rootCrl: { thisUpdateMs: Date.parse("1960-01-01T00:00:00Z") },
      pckCrl: { extensions: ([, ...others]) => [extension("2.5.29.20", integer(Buffer.alloc(32, 0x7f))), ...others] },
    });
    expect(await appraiseWith(createRollbackMemory(), early)).toMatchObject({ ok: true });
  });
});
