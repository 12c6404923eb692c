import { CollateralError, type CollateralSource, parseAttestationAnswer } from "@bauta/attestation";
import { createSimulator } from "@bauta/simulator";
import { afterEach, describe, expect, it } from "vitest";
import { ScriptedEnclave } from "./testing/scripted-enclave.ts";
import { startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const simulator = createSimulator({ nowMs: Date.now() });
const NONCE = "0123456789abcdef".repeat(4);
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.close();
});

/** A gateway before an enclave that sends no collateral along. */
async function start(fetch: CollateralSource["fetch"], timeoutMs = 2_000): Promise<TestGateway> {
  const enclave = await ScriptedEnclave.start(simulator);
  running.push({ close: () => enclave.kill() });
  enclave.tamper = ({ endorsements: _endorsements, ...body }) => ({ status: 200, body });
  const target = await startTestGateway(
    simulator,
    { "e2ee-test": [enclave.origin] },
    { attestation: { timeoutMs, intervalMs: 50 }, parts: { collateral: { fetch, close: () => {} } } },
  );
  running.push({ close: () => target.gateway.close() });
  return target;
}

describe("an enclave that sends no collateral along", () => {
  it("is judged by the gateway's source, and its answer goes out with what judged it", async () => {
    const target = await start(async () => simulator.collateral);
    expect(await target.gateway.firstVerification()).toMatchObject([{ state: "verified" }]);
    const answer = await target.fetch(`/api/v1/tee/attestation?model=e2ee-test&nonce=${NONCE}`);
    expect(answer.status).toBe(200);
    expect(parseAttestationAnswer(await answer.json()).endorsements).toEqual(simulator.collateral);
  });

  it("is refused while the source fails, for a reason that does not blame the enclave, and served once it is back", async () => {
    let down = true;
    const target = await start(async () => {
      if (down) throw new CollateralError("collateral_rate_limited", "https://pcs.example", "asks to come back later");
      return simulator.collateral;
    });
    expect(await target.gateway.firstVerification()).toMatchObject([{ state: "refused", reasons: ["collateral_rate_limited"] }]);
    expect((await target.fetch(`/api/v1/tee/attestation?model=e2ee-test&nonce=${NONCE}`)).status).toBe(502);
    down = false;
    await expect.poll(() => target.gateway.replicas()).toMatchObject([{ state: "verified", reasons: [] }]);
  });

  it("is refused in time where the source never answers", async () => {
    const target = await start(async () => new Promise(() => {}), 200);
    expect(await target.gateway.firstVerification()).toMatchObject([{ state: "refused", reasons: ["collateral_unreachable"] }]);
  });
});
