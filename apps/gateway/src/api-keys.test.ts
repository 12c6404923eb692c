import { createHash } from "node:crypto";
import { WireError } from "@bauta/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authenticate, createApiKey, createApiKeyList } from "./api-keys.ts";

const alice = createApiKey();
const bob = createApiKey();
const list = createApiKeyList([
  { name: "alice", sha256: alice.sha256 },
  { name: "bob", sha256: bob.sha256 },
]);
const codeOf = async (header: string | undefined, store = list): Promise<string> => {
  try {
    return (await authenticate(header, store)).name;
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return (error as WireError).code;
  }
};

describe("API keys", () => {
  it("are random, and kept as their hash", () => {
    expect(alice.key).toMatch(/^bauta_[A-Za-z0-9_-]{43}$/);
    expect(alice.key).not.toBe(bob.key);
    expect(alice.sha256).toBe(createHash("sha256").update(alice.key).digest("hex"));
  });

  it("tell who calls", async () => {
    expect(await codeOf(`Bearer ${alice.key}`)).toBe("alice");
    expect(await codeOf(`bearer  ${bob.key}`)).toBe("bob");
  });

  it.each([
    ["no header", undefined],
    ["an empty one", ""],
    ["no scheme", alice.key],
    ["another scheme", `Basic ${alice.key}`],
    ["no key", "Bearer "],
    ["the hash for the key", `Bearer ${alice.sha256}`],
    ["a key and more", `Bearer ${alice.key} x`],
    ["a key cut short", `Bearer ${alice.key.slice(0, -1)}`],
    ["two keys", `Bearer ${alice.key}, Bearer ${bob.key}`],
    ["SQL", "Bearer ' OR 1=1; --"],
    ["control characters", `Bearer ${alice.key}\u0000`],
    ["a line end", `Bearer ${alice.key}\r\nX: 1`],
    ["a megabyte", `Bearer ${"a".repeat(1024 * 1024)}`],
    ["a prototype's name", "Bearer __proto__"],
  ])("refuse %s", async (_name, header) => {
    expect(await codeOf(header)).toBe("unauthorized");
  });

  it("refuse anything else", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.string({ unit: "binary" }),
          fc.string().map((text) => `Bearer ${text}`),
          fc.base64String().map((text) => `Bearer bauta_${text}`),
        ),
        async (header) => {
          expect(await codeOf(header)).toBe("unauthorized");
        },
      ),
    );
  });

  it("are a 503, never a 401 and never open, while their store cannot answer", async () => {
    const down = { find: () => Promise.reject(new Error("connection refused")) };
    expect(await codeOf(`Bearer ${alice.key}`, down)).toBe("unavailable");
    const throwing = {
      find: () => {
        throw new Error("connection refused");
      },
    };
    expect(await codeOf(`Bearer ${alice.key}`, throwing)).toBe("unavailable");
  });
});
