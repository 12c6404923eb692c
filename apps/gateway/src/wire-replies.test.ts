import { WireError } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { toWireError } from "./wire-replies.ts";

describe("an error that is not ours", () => {
  it.each([
    ["FST_ERR_CTP_BODY_TOO_LARGE", 413, "too_large"],
    ["FST_ERR_CTP_INVALID_MEDIA_TYPE", 415, "unsupported_media_type"],
    ["FST_ERR_CTP_INVALID_CONTENT_LENGTH", 400, "malformed_request"],
    ["FST_ERR_CTP_EMPTY_JSON_BODY", 400, "invalid_json"],
    ["FST_ERR_BAD_URL", 404, "not_found"],
    ["ERR_ANYTHING", 500, "internal"],
  ])("%s becomes %i %s, without its text", (code, status, expected) => {
    const wire = toWireError(Object.assign(new Error("quotes the request"), { code }));
    expect([wire.status, wire.code, wire.param]).toEqual([status, expected, null]);
    expect(JSON.stringify(wire.toBody())).not.toContain("quotes");
  });

  it("is known by its status where its code says nothing, and one of ours stays itself", () => {
    expect(toWireError({ statusCode: 404 }).code).toBe("not_found");
    expect(toWireError("text").code).toBe("internal");
    const own = new WireError("overloaded");
    expect(toWireError(own)).toBe(own);
  });
});
