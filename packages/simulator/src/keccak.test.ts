import { addressOf } from "@bauta/protocol";
import { createECDH } from "node:crypto";
import { describe, expect, it } from "vitest";
import { keccak256 } from "./keccak.ts";

describe("keccak256", () => {
  it("gives the known digests of the empty text and of one that fills a block", () => {
    expect(keccak256(Buffer.alloc(0)).toString("hex")).toBe("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    expect(keccak256(Buffer.from("abc")).toString("hex")).toBe("4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
  });

  it("derives the addresses that the protocol derives", () => {
    for (let i = 0; i < 5; i++) {
      const key = createECDH("secp256k1").generateKeys();
      expect(keccak256(key.subarray(1)).subarray(12)).toEqual(Buffer.from(addressOf(new Uint8Array(key))));
    }
  });

  it("differs from one length to the next around a block's end", () => {
    const digests = [134, 135, 136, 137, 272].map((length) => keccak256(Buffer.alloc(length)).toString("hex"));
    expect(new Set(digests).size).toBe(digests.length);
  });
});
