import { describe, expect, it } from "vitest";
import { createAttestedModels } from "./attested-models.ts";
import { fakeAttestation } from "./testing/fake-client.ts";

describe("createAttestedModels", () => {
  it("keeps the newest of each, without its evidence", () => {
    const models = createAttestedModels({ nowMs: () => 7 });
    models.note(fakeAttestation({ attestedAtMs: 5 }));
    models.note(fakeAttestation({ attestedAtMs: 4, result: { ok: false } }));
    expect(models.get("e2ee-test")).toMatchObject({ attestedAtMs: 5, result: { ok: true }, usedMs: undefined });
    models.use("e2ee-test", "gateway-visible");
    models.note(fakeAttestation({ attestedAtMs: 6, result: { ok: false } }));
    expect(models.get("e2ee-test")).toMatchObject({ attestedAtMs: 6, result: { ok: false }, usedMs: 7, protection: "gateway-visible" });
    expect(models.get("e2ee-test")).not.toHaveProperty("evidence");
  });

  it("replaces what was noted by a clock that has been set back since", () => {
    let now = 9_000;
    const models = createAttestedModels({ nowMs: () => now });
    models.note(fakeAttestation({ attestedAtMs: 9_000 }));
    now = 5_000;
    models.note(fakeAttestation({ attestedAtMs: 4_999, result: { ok: false } }));
    expect(models.get("e2ee-test")).toMatchObject({ attestedAtMs: 4_999, result: { ok: false } });
  });

  it("is bounded, and lets go what was unused for longest", () => {
    let now = 1;
    const models = createAttestedModels({ nowMs: () => now++ });
    for (let i = 0; i < 256; i++) {
      models.note(fakeAttestation({ model: `e2ee-${i}` }));
      if (i !== 100) models.use(`e2ee-${i}`, "sealed");
    }
    models.note(fakeAttestation({ model: "e2ee-new" }));
    expect(models.list()).toHaveLength(256);
    expect(models.get("e2ee-100")).toBeUndefined();
    expect(models.get("e2ee-new")).toBeDefined();
  });
});
