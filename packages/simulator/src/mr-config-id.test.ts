import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { keccak256 } from "./keccak.ts";
import { type AppIdentity, mrConfigIdOf } from "./mr-config-id.ts";

const app: AppIdentity = {
  appId: "11".repeat(20),
  composeHash: "22".repeat(32),
  instanceId: "44".repeat(20),
  keyProvider: { name: "kms", id: "33".repeat(32) },
};
const PADDING = "00".repeat(15);

describe("MRCONFIGID", () => {
  it("is zero for kind 0 and the compose hash for kind 1", () => {
    expect(mrConfigIdOf(0, app)).toEqual({ id: "00".repeat(48) });
    expect(mrConfigIdOf(1, app)).toEqual({ id: `01${app.composeHash}${PADDING}` });
  });

  it("hashes app and key provider for kind 2", () => {
    const preimage = Buffer.from(`${app.composeHash}${app.appId}02${app.keyProvider.id}`, "hex");
    expect(mrConfigIdOf(2, app).id).toBe(`02${keccak256(preimage).toString("hex")}${PADDING}`);
    const others = [
      { ...app, appId: "12".repeat(20) },
      { ...app, keyProvider: { ...app.keyProvider, name: "tpm" } },
      { ...app, keyProvider: { ...app.keyProvider, id: "" } },
    ];
    expect(new Set([app, ...others].map((each) => mrConfigIdOf(2, each).id)).size).toBe(4);
  });

  it("hashes a canonical document for kind 3, with dstack's members", () => {
    const { id, document = "" } = mrConfigIdOf(3, app);
    expect(document).toBe(
      `{"app_id":"${app.appId}","compose_hash":"${app.composeHash}","instance_id":"${app.instanceId}","key_provider":"kms","key_provider_id":"${app.keyProvider.id}","version":3}`,
    );
    expect(id).toBe(`03${createHash("sha256").update(`dstack-mr-config-v3:\0${document}`).digest("hex")}${PADDING}`);
    const withoutProvider = mrConfigIdOf(3, { ...app, keyProvider: { name: "local-sgx", id: "" } }).document;
    expect(JSON.parse(withoutProvider ?? "")).toMatchObject({ key_provider: "local" });
    expect(withoutProvider).not.toContain("key_provider_id");
  });

  it("refuses a key provider of which dstack has no kind", () => {
    const unknown = { ...app, keyProvider: { name: "simulator", id: "" } };
    for (const kind of [2, 3] as const) expect(() => mrConfigIdOf(kind, unknown)).toThrow(RangeError);
    expect(mrConfigIdOf(1, unknown).id).toContain(app.composeHash);
  });
});
