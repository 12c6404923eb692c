import { type CryptoBackend, HEADERS, sha256Hex, SSE_DONE, toHex, utf8, writeSseData } from "@bauta/protocol";
import { type BodySealer, padSseFrame, type ResponseHead } from "@bauta/protocol/enclave";
import type { AnswerForm, StreamWriter } from "../answer-form.ts";
import { writeChunks, writeFinish } from "../openai-shapes.ts";

/**
 * Version 2: the whole answer in sealed frames. A stream has one event to each frame, padded inside the seal so that a
 * frame's size is not its token's; its receipt does not come with it.
 * @see spec/sealed-bodies.md
 */
export function createFrameForm(backend: CryptoBackend, sealer: BodySealer): AnswerForm {
  return {
    headers: { [HEADERS.responseNonce]: sealer.nonceHex },
    stream: (head) => createFrameWriter(backend, sealer, head),
    async whole(json) {
      const bytes = await sealer.seal(json);
      return { bytes, sha256: sha256Hex(backend, bytes) };
    },
  };
}

function createFrameWriter(backend: CryptoBackend, sealer: BodySealer, head: ResponseHead): StreamWriter {
  const hash = backend.createSha256();
  const shared = { id: head.id, object: "chat.completion.chunk", created: head.created, model: head.model };

  const sealEvent = (event: object | string) =>
    sealer.seal(padSseFrame(utf8(writeSseData(typeof event === "string" ? event : JSON.stringify(event)))));

  /** Each event in a frame of its own. The hash covers them in the order in which they were sealed. */
  async function seal(events: readonly (object | string)[]): Promise<Uint8Array> {
    const frames: Uint8Array[] = [];
    for (const event of events) {
      const frame = await sealEvent(event);
      hash.update(frame);
      frames.push(frame);
    }
    return frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames);
  }

  return {
    start: () => seal(writeChunks({ role: "assistant" }).map((choice) => ({ ...shared, choices: [choice] }))),
    delta: (delta) => seal(writeChunks(delta).map((choice) => ({ ...shared, choices: [choice] }))),
    async finish({ reason }, usage) {
      const last = usage ? [{ ...shared, choices: [], usage }] : [];
      const bytes = await seal([{ ...shared, choices: [writeFinish(reason)] }, ...last, SSE_DONE]);
      return { bytes, hashes: { responseSha256: toHex(hash.digest()), envelopesSha256: null } };
    },
    receipt: () => new Uint8Array(),
    // Not hashed: nobody signs such an answer, and the hash may have ended.
    error: (error) => sealEvent(error.toBody()),
  };
}
