import { describe, expect, it } from "vitest";
import { noVectors } from "../../../tests/support/vectors.ts";
import { ANSWER_MUTATIONS } from "../../../tests/support/venice/answer-mutations.ts";
import { COLLATERAL_MUTATIONS } from "../../../tests/support/venice/collateral-mutations.ts";
import { GPU_MUTATIONS } from "../../../tests/support/venice/gpu-mutations.ts";
import { bootPolicy, type Mutation, strictPolicy } from "../../../tests/support/venice/mutation.ts";
import { QUOTE_MUTATIONS } from "../../../tests/support/venice/quote-mutations.ts";
import { resignCapture } from "../../../tests/support/venice/resign-capture.ts";
import { RESIGNED_MUTATIONS } from "../../../tests/support/venice/resigned-mutations.ts";
import { readVeniceCapture } from "../../../tests/support/venice-capture.ts";
import { appraise } from "./appraise.ts";
import { type AttestationResult, type Check, CHECK_IDS, type CheckId } from "./result.ts";

const RECORDED = [...QUOTE_MUTATIONS, ...ANSWER_MUTATIONS, ...COLLATERAL_MUTATIONS, ...GPU_MUTATIONS];
const ALL = [...RECORDED, ...RESIGNED_MUTATIONS];
const named = (mutations: readonly Mutation[]) => mutations.map((mutation) => [mutation.name, mutation] as const);

const withStatus = ({ checks }: AttestationResult, status: Check["status"]): CheckId[] =>
  checks.filter((check) => check.status === status).map(({ id }) => id);

/** What a change has to lead to: its checks fail and no others, and what is no longer checked says because of which. */
async function expectOnly(mutation: Mutation): Promise<void> {
  const capture = readVeniceCapture();
  const changed = { ...capture, policy: strictPolicy(), ...(await mutation.change(capture)) };
  const [unchanged, result] = await Promise.all([appraise({ ...capture, policy: changed.policy }), appraise(changed)]);
  const { owner, also = [], says } = mutation;
  expect(withStatus(result, "fail").toSorted()).toEqual([owner, ...also].toSorted());
  expect(result).toMatchObject({ ok: false, checks: CHECK_IDS.map((id) => ({ id })) });
  expect(result.signingKey).toBeUndefined();
  if (says) expect(result.checks.find(({ id }) => id === owner)?.reason).toMatch(says);

  const passed = new Set(withStatus(unchanged, "pass"));
  const lost = result.checks.filter(({ id, status }) => status === "not-checked" && passed.has(id));
  const doubtful = new Set(result.checks.filter(({ status }) => status !== "pass").map(({ id }) => id));
  for (const { id, reason } of lost) {
    const because = CHECK_IDS.filter((other) => reason.includes(other));
    expect(because, `${id}: ${reason}`).not.toEqual([]);
    expect(because.filter((other) => !doubtful.has(other))).toEqual([]);
  }
}

describe.skipIf(noVectors)("one change of the recorded answer", () => {
  it.each(named(RECORDED))("%s", async (_, mutation) => await expectOnly(mutation));
});

describe.skipIf(noVectors)("one change of the recorded answer, signed by whoever could", () => {
  it("is the change alone: signed anew without one, the capture passes as it did, but as SIMULATED", async () => {
    const capture = readVeniceCapture();
    for (const policy of [strictPolicy(), bootPolicy()]) {
      const [genuine, resigned] = await Promise.all([
        appraise({ ...capture, policy }),
        appraise({ ...capture, ...resignCapture(capture), policy }),
      ]);
      expect(withStatus(resigned, "fail")).toEqual([]);
      expect(withStatus(resigned, "pass")).toEqual(withStatus(genuine, "pass"));
      expect(genuine).toMatchObject({ ok: true, pinned: true, simulated: false });
      expect(resigned).toMatchObject({ ok: true, pinned: true, simulated: true });
      expect(resigned.claims).toEqual(genuine.claims);
    }
  });

  it("is nothing where nobody named its root", async () => {
    const capture = readVeniceCapture();
    const result = await appraise({ ...capture, ...resignCapture(capture), trustRoots: [], policy: strictPolicy() });
    expect(withStatus(result, "fail")).toEqual(["tdx.pck-chain"]);
  });

  it.each(named(RESIGNED_MUTATIONS))("%s", async (_, mutation) => await expectOnly(mutation));
});

describe.skipIf(noVectors)("the changes together", () => {
  it("have different names, and say why where more than one check fails", () => {
    expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length);
    for (const { name, also, why } of ALL) expect(why !== undefined, name).toBe(also !== undefined);
    expect(ALL.length).toBeGreaterThanOrEqual(60);
  });

  it("leave no check out that passes on the recorded answer", async () => {
    const result = await appraise({ ...readVeniceCapture(), policy: strictPolicy() });
    const owners = new Set(ALL.map(({ owner }) => owner));
    expect(withStatus(result, "pass").filter((id) => !owners.has(id))).toEqual([]);
  });
});
