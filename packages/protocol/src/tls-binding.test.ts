import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bytes } from "../../../tests/support/backends.ts";
import { toHex } from "./hex.ts";
import { bindTlsKey } from "./tls-binding.ts";

const { tls } = JSON.parse(readFileSync(new URL("../../../spec/vectors/report-data.json", import.meta.url), "utf8")) as {
  tls: Record<"address" | "spki_sha256" | "nonce" | "report_data", string>[];
};

describe("bindTlsKey", () => {
  it.each(tls)("report-data.json: the TLS form for $address", ({ address, spki_sha256, nonce, report_data }) => {
    expect(toHex(bindTlsKey(bytes(address), bytes(spki_sha256))) + nonce).toBe(report_data);
  });

  it("takes nothing of another length, or two pairs could join to the same bytes", () => {
    for (const [address, fingerprint] of [
      [19, 33],
      [21, 31],
      [20, 31],
      [0, 32],
    ] as const) {
      expect(() => bindTlsKey(new Uint8Array(address), new Uint8Array(fingerprint))).toThrow(RangeError);
    }
  });
});
