import type { Attestation, Client } from "@bauta/client";
import { describe, expect, it } from "vitest";
import { createAttestedModels } from "./attested-models.ts";
import { keepAttested } from "./keep-attested.ts";
import { fakeAttestation } from "./testing/fake-client.ts";

const MINUTE = 60_000;

/** A client whose sessions last ten minutes, on a clock that only moves when told. */
function start(
  models: readonly string[],
  attest: (model: string, nowMs: number) => Attestation | Error = (model, attestedAtMs) => fakeAttestation({ model, attestedAtMs }),
) {
  let now = 0;
  let look: () => void = () => {};
  let stopped = false;
  const ends = new Map<string, number>();
  const made: [string, number][] = [];
  const told: boolean[] = [];
  const problems: unknown[] = [];
  const keepFresh: Client["keepFresh"] = (names, { aheadMs = MINUTE } = {}) =>
    Promise.resolve(
      names.map((model) => {
        const end = ends.get(model);
        if (end !== undefined && end - now > aheadMs) return { model, attestation: undefined, error: undefined, freshUntilMs: end };
        made.push([model, now / MINUTE]);
        const attestation = attest(model, now);
        if (attestation instanceof Error) return { model, attestation: undefined, error: attestation, freshUntilMs: end };
        if (attestation.result.ok) ends.set(model, now + 10 * MINUTE);
        else ends.delete(model);
        return { model, attestation, error: undefined, freshUntilMs: ends.get(model) };
      }),
    );
  const attested = createAttestedModels({ nowMs: () => now });
  const kept = keepAttested({
    client: { keepFresh },
    attested,
    models,
    nowMs: () => now,
    onAttested: ({ result }) => told.push(result.ok),
    onProblem: (_model, error) => problems.push(error),
    every: (_ms, call) => {
      look = call;
      return () => (stopped = true);
    },
  });
  const settle = async () => {
    for (let i = 0; i < 8; i++) await Promise.resolve();
  };
  return {
    kept,
    attested,
    made,
    told,
    problems,
    ends,
    isStopped: () => stopped,
    async advanceTo(minutes: number) {
      for (; now < minutes * MINUTE; now += 2_000) {
        look();
        await settle();
      }
    },
  };
}

describe("keepAttested", () => {
  it("attests named models at once, and again before each attestation ends, used or not", async () => {
    const { kept, attested, made, advanceTo } = start(["e2ee-a", "e2ee-b"]);
    await kept.ready;
    expect(attested.list().map(({ model }) => model)).toEqual(["e2ee-a", "e2ee-b"]);
    await advanceTo(25);
    const times = made.filter(([model]) => model === "e2ee-a").map(([, minutes]) => minutes);
    expect(times).toHaveLength(4);
    for (const [i, time] of times.entries()) expect(Math.abs(time - i * 8)).toBeLessThan(0.2);
  });

  it("keeps other models as long as they are used, and lets them go half an hour later", async () => {
    const { attested, made, ends, advanceTo } = start([]);
    attested.note(fakeAttestation({ model: "e2ee-used", attestedAtMs: 0 }));
    ends.set("e2ee-used", 10 * MINUTE);
    attested.note(fakeAttestation({ model: "e2ee-seen", attestedAtMs: 0 }));
    attested.use("e2ee-used", "sealed");
    await advanceTo(60);
    expect(new Set(made.map(([model]) => model))).toEqual(new Set(["e2ee-used"]));
    expect(made.length).toBeGreaterThanOrEqual(3);
    expect(made.at(-1)?.[1]).toBeLessThan(30);
  });

  it("tries again soon, then less and less often, when there is no evidence to be had, and says so", async () => {
    const { kept, made, problems, advanceTo } = start(["e2ee-a"], () => new Error("nobody there"));
    await kept.ready;
    await advanceTo(10);
    expect(problems.length).toBe(made.length);
    expect(made.length).toBeGreaterThan(10);
    expect(made.length).toBeLessThan(20);
    expect((made[1]?.[1] ?? 0) * MINUTE).toBeLessThanOrEqual(4_000);
  });

  it("notes an enclave that is not acceptable any more", async () => {
    const { kept, attested, told, advanceTo } = start(["e2ee-a"], (model, attestedAtMs) =>
      fakeAttestation({ model, attestedAtMs, result: { ok: attestedAtMs === 0 } }),
    );
    await kept.ready;
    expect(attested.get("e2ee-a")?.result.ok).toBe(true);
    await advanceTo(9);
    expect(attested.get("e2ee-a")?.result.ok).toBe(false);
    expect(told.slice(0, 2)).toEqual([true, false]);
  });

  it("stops", async () => {
    const { kept, isStopped } = start(["e2ee-a"]);
    await kept.ready;
    kept.stop();
    expect(isStopped()).toBe(true);
  });
});
