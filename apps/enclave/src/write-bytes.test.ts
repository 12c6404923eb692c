import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { writeBytes } from "./write-bytes.ts";

const asResponse = (stream: PassThrough): ServerResponse => stream as unknown as ServerResponse;

describe("writing bytes", () => {
  it("waits for the reader", async () => {
    const stream = new PassThrough({ highWaterMark: 1000 });
    let written = false;
    const writing = writeBytes(asResponse(stream), Buffer.alloc(100_000, 1), new AbortController().signal).then(() => (written = true));
    await once(stream, "readable");
    expect(written).toBe(false);
    stream.resume();
    await writing;
  });

  it("writes what it has begun whole when it is aborted, since an event may follow", async () => {
    const stream = new PassThrough({ highWaterMark: 1000 });
    const controller = new AbortController();
    const writing = writeBytes(asResponse(stream), Buffer.alloc(100_000, 1), controller.signal);
    controller.abort();
    await expect(writing).rejects.toMatchObject({ code: "aborted" });
    stream.end("x");
    expect(Buffer.concat(await stream.toArray()).length).toBe(100_001);
  });

  it("begins nothing that is aborted already", async () => {
    const stream = new PassThrough();
    await expect(writeBytes(asResponse(stream), Buffer.alloc(1), AbortSignal.abort())).rejects.toMatchObject({ code: "aborted" });
    expect(stream.writableLength).toBe(0);
  });
});
