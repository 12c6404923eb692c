import { WireError } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { createBodyKey } from "@bauta/protocol/enclave";
import { describe, expect, it } from "vitest";
import { createEhbpClient, frameSizes } from "../testing/ehbp-client.ts";
import { USAGE } from "../testing/running-enclave.ts";
import { createFrameForm } from "./frame-form.ts";

const head = { id: "chatcmpl-1", model: "e2ee-demo", created: 1 };

async function createForm() {
  const key = await createBodyKey(backend);
  const sealed = await (await createEhbpClient({ url: "http://x" }, key.keyConfig)).seal("hi");
  const form = createFrameForm(backend, await (await key.open(sealed.encapsulatedKey, sealed.bytes)).sealResponse());
  const open = async (...parts: readonly Uint8Array[]) =>
    Buffer.from(await sealed.open(new Uint8Array(Buffer.concat(parts)), form.headers["ehbp-response-nonce"] as string)).toString();
  return { form, open };
}

describe("a stream in frames", () => {
  it("can end in an error also when its last event was sealed already", async () => {
    const { form, open } = await createForm();
    const writer = await form.stream(head);
    const bytes = [await writer.start(), (await writer.finish({ type: "finish", reason: "stop", usage: USAGE }, undefined)).bytes];
    const text = await open(...bytes, await writer.error(new WireError("shutting_down")));
    expect(text).toContain('data: {"error":{');
  });

  it("has frames whose size is that of a bucket, whatever the token's", async () => {
    const { form } = await createForm();
    const writer = await form.stream(head);
    const sizes = new Set<number>();
    for (let length = 1; length < 60; length++)
      for (const size of frameSizes(await writer.delta({ content: "x".repeat(length) }))) sizes.add(size);
    expect([...sizes]).toEqual([256 + 16]);
    expect(frameSizes(await writer.delta({ content: "x".repeat(3000) }))).toEqual([4096 + 16]);
  });

  it("has reasoning, content and tool calls of one delta in this order, a frame each", async () => {
    const { form, open } = await createForm();
    const writer = await form.stream(head);
    const bytes = await writer.delta({
      toolCalls: [
        { index: 0, id: "a", name: "n" },
        { index: 0, arguments: "{}" },
      ],
      content: "said",
      reasoning: "thought",
    });
    expect(frameSizes(bytes)).toHaveLength(3);
    const deltas = (await open(bytes)).matchAll(/"delta":(\{.*?\}),"finish_reason"/g);
    expect([...deltas].map(([, delta]) => JSON.parse(delta as string) as unknown)).toEqual([
      { reasoning_content: "thought" },
      { content: "said" },
      {
        tool_calls: [
          { index: 0, id: "a", type: "function", function: { name: "n", arguments: "" } },
          { index: 0, function: { arguments: "{}" } },
        ],
      },
    ]);
  });
});
