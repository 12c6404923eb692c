import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { pagePath } from "../../../tests/support/vectors.ts";
import { WIRE_ERRORS, WireError, type WireErrorCode } from "./errors.ts";
import { REFUSALS, type RefusalCode, RefusalError } from "./refusals.ts";

const codes = Object.keys(WIRE_ERRORS) as WireErrorCode[];

/** The published texts, to the letter, with the statuses that we give them. */
const PUBLISHED = [
  ["attestation_failed", 502, "TEE attestation verification failed"],
  ["nonce_mismatch", 502, "Attestation nonce mismatch"],
  ["debug_mode", 502, "TDX debug mode detected"],
  ["field_not_opened", 400, "Failed to decrypt field"],
  ["streaming_required", 400, "E2EE requires streaming"],
  ["field_not_hex", 400, "Encrypted field is not valid hex"],
  ["invalid_public_key", 400, "Invalid public key"],
] as const;

describe("the catalogue", () => {
  it.each(PUBLISHED)("%s: %d %s", (code, status, message) => {
    expect(WIRE_ERRORS[code]).toMatchObject({ status, message });
  });

  it.each([
    ["invalid_nonce", 400, "Nonce must be exactly 32 bytes"],
    ["headers_required", 400, "E2EE headers required"],
    ["model_not_found", 404, "Model not found"],
    ["unauthorized", 401, "API key"],
    ["too_large", 413, "too large"],
    ["unknown_model_key", 421, "attest again"],
    ["rate_limited", 429, "Retry-After"],
    ["overloaded", 503, "Retry-After"],
  ] as const)("%s: %d, says %s", (code, status, text) => {
    expect(WIRE_ERRORS[code].status).toBe(status);
    expect(WIRE_ERRORS[code].message).toContain(text);
  });

  it.skipIf(!existsSync(pagePath))("has every text of the page's error table, and the page has no eighth", () => {
    const page = readFileSync(pagePath, "utf8");
    const table = page.slice(page.indexOf("## Error Handling"), page.indexOf("## Troubleshooting"));
    const texts = [...table.matchAll(/^\| `([^`]+)`/gm)].map((row) => row[1]);
    expect(new Set(texts)).toEqual(new Set(PUBLISHED.map((row) => row[2])));
    expect(texts).toHaveLength(PUBLISHED.length);
    expect(page).toContain(WIRE_ERRORS.invalid_nonce.message);
  });

  it("has one text for each code, HTTP error statuses, and an action for each", () => {
    expect(new Set(codes.map((code) => WIRE_ERRORS[code].message)).size).toBe(codes.length);
    for (const code of codes) {
      expect(WIRE_ERRORS[code].status, code).toBeGreaterThanOrEqual(400);
      expect(WIRE_ERRORS[code].status, code).toBeLessThan(600);
      expect(["fix-request", "retry", "re-attest", "stop"], code).toContain(WIRE_ERRORS[code].action);
      expect(code, code).toMatch(/^[a-z0-9_]+$/);
    }
  });

  it("tells to attest again for a key that is gone", () => {
    expect(WIRE_ERRORS.unknown_model_key.action).toBe("re-attest");
    expect(WIRE_ERRORS.field_not_opened.action).toBe("re-attest");
  });
});

describe("WireError", () => {
  it("carries what the catalogue says, and makes OpenAI's body of it", () => {
    const error = new WireError("field_not_hex", { param: "messages[2].content" });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "WireError",
      code: "field_not_hex",
      status: 400,
      action: "fix-request",
      param: "messages[2].content",
    });
    expect(error.toBody()).toEqual({
      error: {
        message: "Encrypted field is not valid hex",
        type: "invalid_request_error",
        code: "field_not_hex",
        param: "messages[2].content",
      },
    });
  });

  it("has a null param without a field, and keeps Retry-After and cause out of the body", () => {
    const cause = new Error("an engine's own words");
    const error = new WireError("overloaded", { retryAfterSeconds: 3, cause });
    expect(error.retryAfterSeconds).toBe(3);
    expect(error.cause).toBe(cause);
    expect(error.toBody().error.param).toBeNull();
    expect(JSON.stringify(error.toBody())).not.toContain("own words");
    expect("cause" in new WireError("overloaded")).toBe(false);
  });
});

describe("RefusalError", () => {
  it("names the field before the text, and carries the action", () => {
    expect(new RefusalError("field_in_clear", "tools")).toMatchObject({
      name: "RefusalError",
      code: "field_in_clear",
      field: "tools",
      action: "fix-request",
    });
    expect(new RefusalError("field_in_clear", "tools").message).toBe(`tools: ${REFUSALS.field_in_clear.message}`);
    expect(new RefusalError("plaintext_received").message).toBe(REFUSALS.plaintext_received.message);
    for (const code of Object.keys(REFUSALS) as RefusalCode[]) expect(new RefusalError(code).action).toBe(REFUSALS[code].action);
  });
});
