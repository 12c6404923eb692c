import { createHash } from "node:crypto";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { describe, expect, it } from "vitest";
import { APP_ID, INSTANCE_ID, mintBoot, mintReport, mrConfigId, runtimeEvent } from "../testing/minted-boot.ts";
import { isProven, readComposeHash, verifyComposeHash } from "./compose-hash.ts";
import { replayEventLog } from "./event-log.ts";

const text = '{"name":"app"}';
const composeHash = createHash("sha256").update(text).digest();
const hex = composeHash.toString("hex");
const log = mintBoot({ composeHash });
const info = { app_compose: text, app_id: APP_ID.toString("hex"), key_provider_info: '{"name":"kms","id":"3059aa"}' };

/** What the quote, its replayed log and the answer lead to. */
async function judge(
  id: Uint8Array<ArrayBuffer>,
  { events = log, served = {} }: { events?: typeof log | undefined; served?: object } = {},
) {
  const report = mintReport(events, { mrConfigId: id });
  const { boot } = await replayEventLog(report, events, undefined);
  const compose = await readComposeHash(report, { ...info, ...served }, boot);
  return { compose, finding: verifyComposeHash(compose, undefined) };
}

const kind2 = (kind = 2, id = "3059aa", app: Uint8Array = APP_ID, compose: Uint8Array = composeHash) =>
  mrConfigId(2, keccak_256(Buffer.concat([compose, app, Buffer.of(kind), Buffer.from(id, "hex")])));

const members = {
  app_id: APP_ID.toString("hex"),
  compose_hash: hex,
  instance_id: INSTANCE_ID.toString("hex"),
  key_provider: "kms",
  key_provider_id: "3059aa",
  version: 3,
};
const kind3 = (document: string) => mrConfigId(3, createHash("sha256").update("dstack-mr-config-v3:\0").update(document).digest());
const kind3With = (changes: object) => {
  const document = JSON.stringify({ ...members, ...changes });
  return judge(kind3(document), { served: { mr_config: document } });
};

describe("MRCONFIGID", () => {
  it("of zeros commits to nothing, whatever the event says", async () => {
    const { finding, compose } = await judge(new Uint8Array(48));
    expect(finding).toMatchObject({ status: "not-checked", reason: expect.stringContaining(hex) });
    expect(compose.measured).toBeUndefined();
    expect((await judge(new Uint8Array(48), { served: { app_compose: "{}" } })).finding).toMatchObject({
      status: "fail",
      reason: expect.stringContaining("event compose-hash"),
    });
  });

  it("of kind 1 is the compose hash", async () => {
    expect((await judge(mrConfigId(1, composeHash))).finding.status).toBe("pass");
    expect((await judge(mrConfigId(1, Buffer.alloc(32, 7)))).finding).toMatchObject({
      status: "fail",
      reason: expect.stringContaining("07".repeat(32)),
    });
  });

  for (const [what, id] of [
    ["an unknown kind", mrConfigId(4, composeHash)],
    ["a kind of zero with a hash", mrConfigId(0, composeHash)],
    ["bytes behind the hash", mrConfigId(1, Buffer.concat([composeHash, Buffer.of(1)]))],
  ] as const) {
    it(`fails with ${what}`, async () => {
      expect((await judge(id)).finding.status).toBe("fail");
    });
  }

  it("of kind 2 is opened with compose hash, app id and key provider of the replayed boot", async () => {
    expect(await judge(kind2())).toMatchObject({ finding: { status: "pass" }, compose: { measured: hex } });
    expect((await judge(kind2(0, ""), { events: mintBoot({ composeHash, keyProvider: '{"name":"none","id":""}' }) })).finding.status).toBe(
      "pass",
    );
    expect(
      (await judge(kind2(1, "ab"), { events: mintBoot({ composeHash, keyProvider: '{"name":"local-sgx","id":"ab"}' }) })).finding.status,
    ).toBe("pass");
  });

  it("of kind 2 is opened with what is served where there is no log, which proves nothing of the boot", async () => {
    const report = mintReport([], { mrConfigId: kind2() });
    const opened = await readComposeHash(report, info);
    expect(opened.measured).toBe(hex);
    expect(isProven(opened)).toBe(false);
    expect(verifyComposeHash(opened, undefined)).toMatchObject({
      status: "not-checked",
      reason: expect.stringContaining("no replayed event shows that the guest booted that document"),
    });
    const edited = await readComposeHash(report, { ...info, app_compose: `${text} ` });
    expect(verifyComposeHash(edited, undefined).status).toBe("fail");
    const lacking = await readComposeHash(report, { app_compose: text });
    expect(verifyComposeHash(lacking, undefined).status).toBe("not-checked");
  });

  for (const [what, id] of [
    ["another kind of provider", kind2(1)],
    ["another provider", kind2(2, "3059ab")],
    ["another app", kind2(2, "3059aa", Buffer.alloc(20))],
    ["another compose hash", kind2(2, "3059aa", APP_ID, Buffer.alloc(32))],
  ] as const) {
    it(`of kind 2 fails with ${what}`, async () => {
      const { finding, compose } = await judge(id);
      expect(finding).toMatchObject({ status: "fail", reason: expect.stringContaining("kind 2") });
      expect(compose.measured).toBeUndefined();
    });
  }

  it("of kind 2 is not judged where the key provider is of a kind without a number", async () => {
    const events = mintBoot({ composeHash, keyProvider: '{"name":"constructor","id":""}' });
    expect((await judge(kind2(), { events })).finding.status).toBe("not-checked");
  });

  it("of kind 3 is opened with the document, from info or from vm_config", async () => {
    const document = JSON.stringify(members);
    expect(await judge(kind3(document), { served: { mr_config: document } })).toMatchObject({
      finding: { status: "pass" },
      compose: { measured: hex },
    });
    const vm_config = JSON.stringify({ mr_config: document });
    expect((await judge(kind3(document), { served: { vm_config } })).finding.status).toBe("pass");
    expect((await judge(kind3(document))).finding).toMatchObject({
      status: "not-checked",
      reason: expect.stringContaining("lacks the mr_config"),
    });
    // As dstack's own test has it: the document's bytes count, not its meaning.
    expect((await judge(kind3(document), { served: { mr_config: JSON.stringify(members, null, 1) } })).finding.status).toBe("fail");
  });

  it("of kind 3 hashes what dstack's own test vector hashes", () => {
    const document = '{"key_provider":"none"}';
    const domain = Buffer.concat([Buffer.from("dstack-mr-config-v3:"), Buffer.of(0), Buffer.from(document)]);
    expect(Buffer.from(kind3(document)).toString("hex", 1, 33)).toBe(createHash("sha256").update(domain).digest("hex"));
  });

  for (const [what, changes, reason] of [
    ["another compose hash", { compose_hash: "00".repeat(32) }, "compose_hash is not that"],
    ["another app", { app_id: "00".repeat(20) }, "app_id is not that"],
    ["another instance", { instance_id: "00".repeat(20) }, "instance_id is not that"],
    ["another provider", { key_provider: "none" }, "key_provider is not that"],
    ["another provider id", { key_provider_id: "00" }, "key_provider_id is not that"],
    ["a GPU policy that was not measured", { gpu_policy_hash: "00".repeat(32) }, "gpu_policy_hash is not that"],
    ["init scripts that were not measured", { init_script_hashes: ["00".repeat(32)] }, "init_script_hashes are not those"],
    ["another version", { version: 2 }, "version is not 3"],
    ["a member that dstack refuses", { extra: 1 }, "does not know"],
    ["a provider that dstack refuses", { key_provider: "me" }, "no known key_provider"],
    ["no compose hash", { compose_hash: undefined }, "no compose_hash"],
  ] as const) {
    it(`of kind 3 fails with ${what}, although the document is the one committed to`, async () => {
      expect((await kind3With(changes)).finding).toMatchObject({ status: "fail", reason: expect.stringContaining(reason) });
    });
  }

  it("of kind 3 takes the members that dstack leaves out, and the init scripts that were measured", async () => {
    expect(
      (await kind3With({ app_id: undefined, instance_id: undefined, key_provider_id: undefined, version: undefined })).finding.status,
    ).toBe("pass");
    const script = Buffer.alloc(32, 5);
    const events = [...log.slice(0, 6), runtimeEvent("init-script-hash", script), ...log.slice(6)];
    const document = JSON.stringify({ ...members, init_script_hashes: [script.toString("hex")] });
    expect((await judge(kind3(document), { events, served: { mr_config: document } })).finding.status).toBe("pass");
  });

  it("fails when the measured event and MRCONFIGID name two documents", async () => {
    const events = mintBoot({ composeHash: Buffer.alloc(32, 9) });
    expect((await judge(mrConfigId(1, composeHash), { events })).finding).toMatchObject({
      status: "fail",
      reason: expect.stringContaining(`event compose-hash holds ${"09".repeat(32)}`),
    });
  });
});
