import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventLogEntry } from "../evidence/evidence.ts";
import { APP_ID, bootEvent, mintBoot, mintReport, runtimeEvent } from "../testing/minted-boot.ts";
import { replayEventLog } from "./event-log.ts";

const find = (log: readonly EventLogEntry[], name: string) => log.findIndex(({ event }) => event === name);
const without = (log: readonly EventLogEntry[], name: string) => log.filter(({ event }) => event !== name);
/** Changes what is served, not what was measured. */
const edit = (log: readonly EventLogEntry[], name: string, change: Partial<EventLogEntry>) =>
  log.map((entry) => (entry.event === name ? { ...entry, ...change } : entry));

describe("replayEventLog", () => {
  for (const version of [1, 2] as const) {
    it(`proves the boot from runtime events of version ${version}`, async () => {
      const log = mintBoot({ version });
      const { finding, boot, events } = await replayEventLog(mintReport(log), log, undefined);
      expect(finding).toMatchObject({ status: "pass", reason: expect.stringContaining("12 events replay to RTMR0–3") });
      expect(boot).toMatchObject({ appId: APP_ID.toString("hex"), composeHash: "d4".repeat(32), osImageHash: "c3".repeat(32) });
      expect(events?.map(({ name }) => name)).toEqual(log.slice(3).map(({ event }) => event));
    });
  }

  it("takes both versions in one log, as the digest tells them apart", async () => {
    const log = mintBoot().map((entry) => (entry.event === "app-id" ? runtimeEvent("app-id", APP_ID, 2) : entry));
    expect((await replayEventLog(mintReport(log), log, undefined)).finding.status).toBe("pass");
  });

  it("leaves apps their own events after the boot", async () => {
    const log = [...mintBoot(), runtimeEvent("app-started", "x")];
    expect((await replayEventLog(mintReport(log), log, undefined)).finding.status).toBe("pass");
  });

  it.each(["App_Started", "app.event/1", "événement", "two words"])("leaves their names to apps: %s", async (name) => {
    for (const version of [1, 2] as const) {
      const log = [...mintBoot({ version }), runtimeEvent(name, "x", version)];
      const { finding, events } = await replayEventLog(mintReport(log), log, undefined);
      expect([finding.status, events?.at(-1)?.name]).toEqual(["pass", name]);
    }
  });

  describe.each([1, 2] as const)("a log that its guest stripped, version %i", (version) => {
    const log = mintBoot({ version });
    const stripped = log.map((entry) => (entry.imr === 3 ? { ...entry, digest: "" } : { ...entry, event_payload: "" }));

    it("has the digests of its names and payloads", async () => {
      const { finding, boot } = await replayEventLog(mintReport(log), stripped, undefined);
      expect([finding.status, boot?.composeHash]).toEqual(["pass", "d4".repeat(32)]);
    });

    it("is not another than the whole one in tcb_info, nor is that", async () => {
      const whole = log.map((entry) => (entry.imr === 3 ? entry : { ...entry, event_payload: "0a0b" }));
      for (const [served, repeated] of [
        [stripped, whole],
        [whole, stripped],
      ] as const) {
        expect((await replayEventLog(mintReport(log), served, { event_log: repeated })).finding.status).toBe("pass");
      }
    });

    it("still fails where the register says something else", async () => {
      const other = edit(stripped, "app-id", { event_payload: "00".repeat(20) });
      expect((await replayEventLog(mintReport(log), other, undefined)).finding).toMatchObject({
        status: "fail",
        reason: expect.stringContaining("RTMR3") as string,
      });
      const contradicted = await replayEventLog(mintReport(log), stripped, { event_log: edit(log, "app-id", { event: "app-it" }) });
      expect(contradicted.finding.status).toBe("fail");
    });
  });

  it("makes no claim without a log", async () => {
    expect(await replayEventLog(mintReport([]), undefined, undefined)).toEqual({
      finding: expect.objectContaining({ status: "not-checked" }),
    });
  });

  /** What is served differs from what was measured. */
  const log = mintBoot();
  const served: readonly (readonly [string, readonly EventLogEntry[], string])[] = [
    ["an event relabelled", edit(log, "os-image-hash", { event: "rootfs-hash" }), "not that of its name and payload"],
    ["a payload edited", edit(log, "compose-hash", { event_payload: "d5".repeat(32) }), "not that of its name and payload"],
    ["a colon moved from payload to name", edit(log, "app-id", { event: "app-id:", event_payload: "" }), "has a name with characters"],
    ["a digest edited", edit(log, "compose-hash", { digest: "00".repeat(48) }), "not that of its name and payload"],
    ["a digest taken away, and the payload edited", edit(log, "compose-hash", { digest: "", event_payload: "d5".repeat(32) }), "RTMR3"],
    ["a digest cut", edit(log, "compose-hash", { digest: "00".repeat(47) }), "no SHA-384 digest"],
    ["a firmware digest taken away", [{ ...bootEvent(0, "x"), digest: "" }, ...log.slice(1)], "no SHA-384 digest"],
    ["a firmware digest edited", [{ ...bootEvent(0, "other") }, ...log.slice(1)], "RTMR0"],
    ["events swapped", log.map((entry, i) => log[i === 4 ? 5 : i === 5 ? 4 : i] ?? entry), "RTMR3"],
    ["an event twice", [...log.slice(0, 5), log[4] as EventLogEntry, ...log.slice(5)], "RTMR3"],
    ["an event dropped", without(log, "instance-id"), "RTMR3"],
    ["a firmware event dropped", log.slice(1), "RTMR0"],
    ["a firmware event in another register", [{ ...(log[0] as EventLogEntry), imr: 1 }, ...log.slice(1)], "RTMR0, RTMR1"],
    ["an event added", [...log, runtimeEvent("app-started")], "RTMR3"],
    ["the type of a runtime event changed", edit(log, "compose-hash", { event_type: 4 }), "not one of dstack's"],
    ["a payload that is not hex", edit(log, "compose-hash", { event_payload: "zz" }), "not hex"],
    ["no events at all", [], "RTMR0, RTMR1, RTMR2, RTMR3"],
  ];
  for (const [what, entries, reason] of served) {
    it(`fails for ${what}`, async () => {
      const { finding, boot, events } = await replayEventLog(mintReport(log), entries, undefined);
      expect(finding).toMatchObject({ status: "fail", reason: expect.stringContaining(reason) });
      expect([boot, events]).toEqual([undefined, undefined]);
    });
  }

  /** What was measured is itself wrong, and every digest and register agrees with it. */
  const ready = find(log, "system-ready");
  const late = (name: string) => [...without(log, name), ...log.filter(({ event }) => event === name)];
  const measured: readonly (readonly [string, readonly EventLogEntry[], string])[] = [
    ["a second compose-hash", [...log, runtimeEvent("compose-hash", Buffer.alloc(32, 1))], "compose-hash appears 2 times"],
    ["a second system-ready", [...log, runtimeEvent("system-ready")], "system-ready appears 2 times"],
    ["a compose-hash after system-ready", late("compose-hash"), "compose-hash comes only after system-ready"],
    ["an os-image-hash after system-ready", late("os-image-hash"), "os-image-hash comes only after system-ready"],
    [
      "an init script after system-ready",
      [...log, runtimeEvent("init-script-hash", Buffer.alloc(32))],
      "init-script-hash comes only after",
    ],
    ["no system-ready", without(log, "system-ready"), "no event system-ready"],
    ["no app-id", without(log, "app-id"), "no event app-id"],
    ["an app-id of 19 bytes", [...log.slice(0, 4), runtimeEvent("app-id", Buffer.alloc(19)), ...log.slice(5)], "holds 19 bytes"],
    ["a name with a colon", [...log, runtimeEvent("app:event")], "a name with characters"],
    ["a name of nothing to see", [...log, runtimeEvent("app\u200b")], "a name with characters"],
    ["a name without end", [...log, runtimeEvent("a".repeat(129))], "a name with characters"],
    ["a foreign event in RTMR3", [...log.slice(0, ready), { ...bootEvent(0, "x"), imr: 3 }, ...log.slice(ready)], "not one of dstack's"],
  ];
  for (const [what, entries, reason] of measured) {
    it(`fails for ${what}, although all registers replay`, async () => {
      const { finding, boot } = await replayEventLog(mintReport(entries), entries, undefined);
      expect(finding).toMatchObject({ status: "fail", reason: expect.stringContaining(reason) });
      expect(boot).toBeUndefined();
    });
  }

  it("fails when the answer carries two logs that differ, or states another app than the measured one", async () => {
    const report = mintReport(log);
    const reason = async (info: object) => (await replayEventLog(report, log, info)).finding.reason;
    expect(await reason({ event_log: without(log, "storage-fs") })).toContain("another one than the answer's");
    expect(await reason({ event_log: [...log] })).toContain("replay to RTMR0–3");
    expect(await reason({ app_id: "00".repeat(20) })).toContain("another app_id");
    expect(await reason({ instance_id: "00".repeat(20) })).toContain("another instance_id");
    expect(await reason({ contradictions: ["app_id"] })).toContain("two different values of app_id");
    expect(await reason({ app_id: `0x${"A1".repeat(20)}` })).toContain("replay to RTMR0–3");
  });

  it("is bounded", async () => {
    const long = Array.from({ length: 1025 }, () => bootEvent(0, "x"));
    expect((await replayEventLog(mintReport(log), long, undefined)).finding.reason).toContain("more than 1024");
  });

  it("throws nothing, whatever the entries hold", async () => {
    const entry = fc.record({
      imr: fc.nat(5),
      event_type: fc.oneof(fc.constant(134_217_729), fc.nat()),
      digest: fc.oneof(fc.constant("ab".repeat(48)), fc.string()),
      event: fc.oneof(fc.constant("app-id"), fc.string({ unit: "binary" })),
      event_payload: fc.oneof(fc.constant("00"), fc.string()),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 8 }), async (entries) => {
        const { finding, boot } = await replayEventLog(mintReport(log), entries, undefined);
        expect(finding.status).toBe("fail");
        expect(boot).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});
