import { createSimulator } from "@bauta/simulator";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createApiKey } from "./api-keys.ts";
import { ScriptedEnclave, streamHeaders } from "./testing/scripted-enclave.ts";
import { postChat, readText, startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const simulator = createSimulator({ nowMs: Date.now() });
let enclave: ScriptedEnclave;
beforeAll(async () => {
  enclave = await ScriptedEnclave.start(simulator);
});
afterAll(() => enclave.kill());
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.close();
});
async function start(overrides: Parameters<typeof startTestGateway>[2]): Promise<TestGateway> {
  const target = await startTestGateway(simulator, { "tee-test": [enclave.origin], "e2ee-test": [enclave.origin] }, overrides);
  running.push({ close: () => target.gateway.close() });
  return target;
}

describe("too much at once", () => {
  it("is a 503 with Retry-After, and over when a request ends", async () => {
    const target = await start({ limits: { concurrentRequests: 2, concurrentRequestsPerKey: 2 } });
    await target.gateway.firstVerification();
    enclave.chat = (_seen, response) => response.writeHead(200, streamHeaders()).flushHeaders();
    const held = [await postChat(target, '{"model":"tee-test"}'), await postChat(target, '{"model":"e2ee-test"}')];
    const refused = await postChat(target, '{"model":"tee-test"}');
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([503, "1"]);
    expect(JSON.parse(await readText(refused))).toMatchObject({ error: { code: "overloaded" } });
    held[0]?.destroy();
    await expect
      .poll(async () => {
        const answer = await postChat(target, '{"model":"tee-test"}');
        held.push(answer);
        return answer.statusCode;
      })
      .toBe(200);
    for (const answer of held) answer.destroy();
  });
});

describe("one key", () => {
  const body = (model: string) => `{"model":"${model}"}`;
  const hold = () => {
    enclave.chat = (_seen, response) => response.writeHead(200, streamHeaders()).flushHeaders();
  };

  it("has half of all places and no more, so that others go on", async () => {
    const target = await start({ limits: { concurrentRequests: 4 } });
    await target.gateway.firstVerification();
    hold();
    const held = [await postChat(target, body("tee-test")), await postChat(target, body("e2ee-test"))];
    const refused = await postChat(target, body("tee-test"));
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([429, "1"]);
    expect(JSON.parse(await readText(refused))).toMatchObject({ error: { code: "rate_limited", type: "rate_limit_error" } });
    expect((await target.fetch("/v1/tee/attestation?model=tee-test")).status).toBe(429);
    expect((await target.fetch("/v1/tee/attestation?model=tee-test", { key: target.bob })).status).toBe(200);
    const other = await postChat(target, body("tee-test"), { authorization: `Bearer ${target.bob}` });
    expect(other.statusCode).toBe(200);
    for (const answer of [...held, other]) answer.destroy();
    await expect
      .poll(async () => {
        const answer = await postChat(target, body("tee-test"));
        answer.destroy();
        return answer.statusCode;
      })
      .toBe(200);
  });

  it("can still ask for receipts while it has all its places taken, and has a share of those, too", async () => {
    const target = await start({ limits: { concurrentRequests: 8, concurrentRequestsPerKey: 1 } });
    await target.gateway.firstVerification();
    hold();
    const held = await postChat(target, body("tee-test"));
    const requestId = held.headers["bauta-request-id"] as string;
    const read = () => target.fetch(`/v1/tee/signature?model=tee-test&request_id=${requestId}`);
    const { signature } = enclave;
    const answers: (() => void)[] = [];
    enclave.signature = () => new Promise((settle) => answers.push(() => settle({ status: 404, body: { error: {} } })));
    const first = read();
    await expect.poll(() => answers.length).toBe(1);
    expect((await read()).status).toBe(429);
    for (const answer of answers) answer();
    expect((await first).status).toBe(404);
    enclave.signature = signature;
    held.destroy();
  });

  it("has all places where it is the only one", async () => {
    const only = createApiKey();
    const target = await start({ limits: { concurrentRequests: 2 }, keys: [{ name: "only", sha256: only.sha256 }] });
    await target.gateway.firstVerification();
    hold();
    const authorization = `Bearer ${only.key}`;
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await postChat(target, body("tee-test"), { authorization }));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 503]);
    for (const answer of answers) answer.destroy();
  });
});
