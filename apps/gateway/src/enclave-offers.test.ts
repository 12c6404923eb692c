import { createSimulator } from "@bauta/simulator";
import { afterEach, describe, expect, it } from "vitest";
import { answerJson, ScriptedEnclave } from "./testing/scripted-enclave.ts";
import { postChat, startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const MODEL = "e2ee-test";
const simulator = createSimulator({ nowMs: Date.now() });
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.close();
});

async function start() {
  const enclave = await ScriptedEnclave.start(simulator);
  running.push({ close: () => enclave.kill() });
  const target = await startTestGateway(simulator, { "tee-test": [enclave.origin], [MODEL]: [enclave.origin] });
  running.push({ close: () => target.gateway.close() });
  await target.gateway.firstVerification();
  return { enclave, target };
}

describe("what models can do in sealed bodies", () => {
  interface Listed {
    readonly id: string;
    readonly type: string;
    readonly model_spec: { readonly capabilities: Record<string, boolean> };
  }
  async function list(target: TestGateway): Promise<Record<string, Listed>> {
    const { data } = (await (await target.fetch("/v1/models")).json()) as { data: Listed[] };
    return Object.fromEntries(data.map((entry) => [entry.id, entry]));
  }
  const offer = (features: object) => ({ status: 200, body: { data: [{ id: "tee-test" }, { id: MODEL, features }, null, { id: 7 }] } });

  it("is what every enclave says that may serve them", async () => {
    const enclaves = [await ScriptedEnclave.start(simulator), await ScriptedEnclave.start(simulator)] as const;
    const [first, second] = enclaves;
    running.push({ close: async () => void (await Promise.all(enclaves.map((enclave) => enclave.kill()))) });
    first.models = offer({ tools: true, images: true, schemas: true, logprobs: false, embeddings: true });
    second.models = offer({ tools: true, images: "yes", schemas: true, logprobs: true, embeddings: true, other: true });
    const origins = enclaves.map(({ origin }) => origin);
    const target = await startTestGateway(simulator, { "tee-test": origins, [MODEL]: origins }, { attestation: { intervalMs: 100 } });
    running.push({ close: () => target.gateway.close() });
    await target.gateway.firstVerification();
    const listed = await list(target);
    expect(listed[MODEL]).toMatchObject({
      type: "text",
      model_spec: {
        capabilities: {
          supportsE2EE: true,
          supportsFunctionCalling: true,
          supportsVision: false,
          supportsResponseSchema: true,
          supportsLogProbs: false,
        },
      },
    });
    expect(listed["tee-test"]).toMatchObject({ type: "text", model_spec: { capabilities: { supportsFunctionCalling: false } } });

    // What it does not say any more still stands; what it says otherwise counts from the next verification on.
    second.models = { status: 500, body: "no" };
    first.models = offer({ images: true });
    const capability = async (name: string) => (await list(target))[MODEL]?.model_spec.capabilities[name];
    await expect.poll(() => capability("supportsFunctionCalling")).toBe(false);
    second.models = offer({ images: true });
    const vision = () => capability("supportsVision");
    await expect.poll(vision).toBe(true);
    // Another process has said nothing yet.
    second.models = { status: 200, body: [] };
    second.restart();
    await expect.poll(vision).toBe(false);
  });

  it("is embeddings and no chat where that is all they name", async () => {
    const { enclave, target } = await start();
    const types: (string | undefined)[] = [];
    for (const features of [{ embeddings: true }, { embeddings: true, tools: true }, { tools: true }]) {
      enclave.models = offer(features);
      enclave.restart();
      await target.fetch(`/v1/tee/attestation?model=${MODEL}`);
      types.push((await list(target))[MODEL]?.type);
    }
    expect(types).toEqual(["embedding", "text", "text"]);
  });

  it("is nothing where the answer is no list, and the model is served all the same", async () => {
    const { enclave, target } = await start();
    expect(Object.values((await list(target))[MODEL]?.model_spec.capabilities ?? {}).filter(Boolean)).toHaveLength(2);
    for (const body of ["x".repeat(300_000), { data: {} }, [], null, { data: [{ id: MODEL, features: [] }] }]) {
      enclave.models = { status: 200, body };
      enclave.restart();
      await target.fetch(`/v1/tee/attestation?model=${MODEL}`);
      expect((await list(target))[MODEL]?.type).toBe("text");
      enclave.chat = (_seen, response) => answerJson(response, 200, {});
      expect((await postChat(target, '{"model":"tee-test"}')).statusCode).toBe(200);
    }
  });
});
