import { conformanceCases, sealedBodyCases } from "@bauta/conformance";
import { describe, expect, it } from "vitest";
import { chatAdapter } from "./chat-adapter.ts";
import { meetEvilProvider } from "./meet-evil-provider.ts";

meetEvilProvider({ name: "chat, version 1", adapter: chatAdapter }, conformanceCases);
meetEvilProvider(
  { name: "chat, version 2", adapter: chatAdapter },
  sealedBodyCases.filter(({ form }) => form !== "whole"),
);

describe("the evil provider", () => {
  const all = [...conformanceCases, ...sealedBodyCases];

  it("has a name of its own for each case, and says verified of nothing but what is harmless", () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(all.filter(({ id, expected }) => (expected === "verified") !== /^(?:v2-)?harmless\//.test(id))).toEqual([]);
    // Under version 2 there is no text but the enclave's.
    expect(sealedBodyCases.filter(({ forgedTextMayShow }) => forgedTextMayShow !== undefined)).toEqual([]);
    expect(sealedBodyCases.filter(({ id, protocol }) => protocol !== 2 || !id.startsWith("v2-"))).toEqual([]);
  });
});
