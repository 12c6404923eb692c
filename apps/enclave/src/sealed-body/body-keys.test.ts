import { backend } from "@bauta/protocol/backend";
import { describe, expect, it, onTestFinished } from "vitest";
import { createEhbpClient, fetchKeyConfig } from "../testing/ehbp-client.ts";
import { NOW_MS, sayHello, scriptedEngine, startEnclave } from "../testing/running-enclave.ts";
import { createBodyKeys } from "./body-keys.ts";

const HOUR_MS = 3_600_000;

function createKeys(rotateMs?: number) {
  const clock = { nowMs: NOW_MS };
  const keys = createBodyKeys({ backend, nowMs: () => clock.nowMs, ...(rotateMs !== undefined && { rotateMs }) });
  onTestFinished(() => keys.close());
  return { keys, clock };
}
const sealTo = async (keyConfig: string) => (await createEhbpClient({ url: "http://x" }, Buffer.from(keyConfig, "hex"))).seal("hi");

describe("HPKE keys", () => {
  it("are replaced after a day, and the old one opens until its last statement is over", async () => {
    const { keys, clock } = createKeys();
    await keys.refresh();
    const first = keys.offer();
    const [early, late, tooLate] = [await sealTo(first.keyConfig), await sealTo(first.keyConfig), await sealTo(first.keyConfig)];
    const open = async ({ encapsulatedKey, bytes }: typeof early) =>
      Buffer.from((await keys.open(encapsulatedKey, bytes)).plaintext).toString();

    clock.nowMs += 23 * HOUR_MS - 1;
    await keys.refresh();
    expect(keys.offer()).toEqual(first);
    clock.nowMs += 1;
    await keys.refresh();
    const second = keys.offer();
    expect(second.keyConfig).not.toBe(first.keyConfig);
    expect(second.keyConfig.slice(0, 6)).toBe("010020");
    expect(await open(early)).toBe("hi");
    expect(await open(await sealTo(second.keyConfig))).toBe("hi");

    // The last statement that names it was made when it was replaced.
    expect(first.notAfter * 1000).toBeGreaterThan(clock.nowMs);
    clock.nowMs = first.notAfter * 1000;
    expect(await open(late)).toBe("hi");
    clock.nowMs += 60_000;
    await expect(open(tooLate)).rejects.toMatchObject({ code: "key_config" });
    expect(await open(await sealTo(second.keyConfig))).toBe("hi");
  });

  it("are replaced and forgotten on time, also where the host holds the clock or sets it back", async () => {
    const clock = { nowMs: NOW_MS, elapsedMs: 0 };
    const keys = createBodyKeys({ backend, nowMs: () => clock.nowMs, elapsedMs: () => clock.elapsedMs });
    onTestFinished(() => keys.close());
    await keys.refresh();
    const first = keys.offer();
    const [early, late] = [await sealTo(first.keyConfig), await sealTo(first.keyConfig)];
    clock.nowMs -= 5 * HOUR_MS;
    clock.elapsedMs = 23 * HOUR_MS;
    await keys.refresh();
    expect(keys.offer().keyConfig).not.toBe(first.keyConfig);
    await keys.open(early.encapsulatedKey, early.bytes);
    clock.elapsedMs += HOUR_MS;
    await expect(keys.open(late.encapsulatedKey, late.bytes)).rejects.toMatchObject({ code: "key_config" });
  });

  it("are made once, however many ask", async () => {
    const { keys, clock } = createKeys(60_000);
    await Promise.all([keys.refresh(), keys.refresh(), keys.refresh()]);
    const first = keys.offer();
    clock.nowMs += 60_000;
    await Promise.all([keys.refresh(), keys.refresh()]);
    const second = keys.offer();
    expect(second.keyConfig).not.toBe(first.keyConfig);
    expect([first, second].map(({ keyConfig }) => keyConfig.slice(0, 2))).toEqual(["00", "01"]);
  });

  it("remember what they have opened, each its own", async () => {
    const { keys, clock } = createKeys();
    await keys.refresh();
    const sealed = await sealTo(keys.offer().keyConfig);
    const opened = await keys.open(sealed.encapsulatedKey, sealed.bytes);
    opened.assertNew(undefined);
    clock.nowMs += 23 * HOUR_MS;
    await keys.refresh();
    const again = await keys.open(sealed.encapsulatedKey, sealed.bytes);
    expect(() => again.assertNew(undefined)).toThrow(expect.objectContaining({ code: "body_replayed" }));
  });

  it("are gone when closed, also one that was just being made", async () => {
    const { keys } = createKeys();
    await keys.refresh();
    const sealed = await sealTo(keys.offer().keyConfig);
    keys.close();
    await expect(keys.open(sealed.encapsulatedKey, sealed.bytes)).rejects.toMatchObject({ code: "key_config" });
    await keys.refresh();
    expect(() => keys.offer()).toThrow(expect.objectContaining({ code: "shutting_down" }));

    const { keys: others } = createKeys();
    const making = others.refresh();
    others.close();
    await making;
    expect(() => others.offer()).toThrow(expect.objectContaining({ code: "shutting_down" }));
  });

  it.each([0, 59_999, 23 * HOUR_MS + 1, Number.NaN])("are not replaced after %s ms", (rotateMs) => {
    expect(() => createKeys(rotateMs)).toThrow(expect.objectContaining({ name: "EnclaveSetupError", code: "invalid-option" }));
  });
});

describe("an enclave's HPKE keys", () => {
  const ask = JSON.stringify({ model: "e2ee-demo", messages: [{ role: "user", content: "hi" }] });
  const headers = { "bauta-model": "e2ee-demo" };

  it("rotate under its clients: who sealed to the one before is answered, and a statement never outlives its key", async () => {
    const clock = { nowMs: NOW_MS };
    const { url } = await startEnclave(scriptedEngine(sayHello), { nowMs: () => clock.nowMs, bodyKeyRotateMs: HOUR_MS });
    const notAfter = async () => {
      const answer = (await (await fetch(`${url}/v1/tee/attestation?model=tee-demo&nonce=${"ab".repeat(32)}`)).json()) as { keys: string };
      return (JSON.parse(answer.keys) as { not_after: number }).not_after;
    };
    const post = async (client: Awaited<ReturnType<typeof createEhbpClient>>) =>
      (await client.transport.post(`${url}/v1/chat/completions`, ask, { headers })).text();

    const before = await createEhbpClient({ url });
    expect(await notAfter()).toBe(NOW_MS / 1000 + 2 * 3600 - 60);
    clock.nowMs += HOUR_MS;
    const config = await fetchKeyConfig(url);
    const after = await createEhbpClient({ url }, config);
    expect(await after.identity.getPublicKeyHex()).not.toBe(await before.identity.getPublicKeyHex());
    expect(await post(before)).toContain("Hello");
    expect(await post(after)).toContain("Hello");
    clock.nowMs += HOUR_MS;
    await expect(post(before)).rejects.toMatchObject({ name: "KeyConfigMismatchError" });
  });

  it("are its own: another enclave has another", async () => {
    const [one, other] = [await startEnclave(scriptedEngine(sayHello)), await startEnclave(scriptedEngine(sayHello))];
    expect(await fetchKeyConfig(one.url)).not.toEqual(await fetchKeyConfig(other.url));
  });
});
