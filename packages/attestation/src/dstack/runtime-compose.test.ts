import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { ManagerAction } from "../evidence/evidence.ts";
import { mintBoot, mintReport } from "../testing/minted-boot.ts";
import { verifyRuntimeCompose } from "./runtime-compose.ts";

const nonce = { query: "7e".repeat(32), sealed: true };
const log = mintBoot();

async function judge(actions: readonly ManagerAction[], hashed: string) {
  const reportData = new Uint8Array([...createHash("sha256").update(hashed).digest(), ...Buffer.from(nonce.query, "hex")]);
  const manager = { quote: new Uint8Array(), actions };
  const first = mintReport(log, { reportData: new Uint8Array([...Buffer.alloc(32), ...Buffer.from(nonce.query, "hex")]) });
  return await verifyRuntimeCompose(first, manager, { report: mintReport(log, { reportData }) }, nonce, log);
}

describe("verifyRuntimeCompose", () => {
  const actions = [{ action: "compose_up", timestamp: "t", tag: "v1", file: "a.yaml" }];
  const sorted = '[{"action":"compose_up","file":"a.yaml","tag":"v1","timestamp":"t"}]';
  const declared = '[{"timestamp":"t","action":"compose_up","tag":"v1","file":"a.yaml"}]';

  it("takes both forms in which managers hash their actions", async () => {
    for (const text of [sorted, declared]) {
      expect(await judge(actions, text)).toMatchObject({
        finding: { status: "pass" },
        runtime: { actions: 1, latest: ["a.yaml compose_up v1 t"] },
      });
    }
  });

  it("takes members that it does not know in the sorted form only", async () => {
    const more = [{ ...actions[0], zeta: true }] as readonly ManagerAction[];
    expect((await judge(more, sorted.replace("}", ',"zeta":true}'))).finding.status).toBe("pass");
    expect((await judge(more, declared)).finding.status).toBe("fail");
  });

  it("keeps the last action of each file, the newest last, and makes it printable", async () => {
    const many = Array.from({ length: 40 }, (_, i) => ({ action: "compose_up", timestamp: `t${i}`, file: `f${i % 36}\u001b[31m` }));
    const text = JSON.stringify(many.map(({ action, file, timestamp }) => ({ action, file, timestamp })));
    const { runtime } = await judge(many, text);
    expect(runtime?.latest).toHaveLength(32);
    expect(runtime?.latest.at(-1)).toBe("f3?[31m compose_up t39");
  });

  it("fails for a lone surrogate, which no manager can have hashed, without throwing", async () => {
    expect((await judge([{ action: "\ud800" }], "x")).finding.status).toBe("fail");
  });

  it("is not made without a compose manager", async () => {
    expect((await verifyRuntimeCompose(mintReport(log), undefined, undefined, nonce, log)).finding.status).toBe("not-checked");
  });
});
