import { describe, expect, it } from "vitest";
import { WireError } from "../errors.ts";
import { RefusalError } from "../refusals.ts";
import { assertBinding, writeBinding } from "./binding.ts";

const LINE = { method: "POST", path: "/chat/completions", model: "e2ee-a" };
const REQUEST = { model: "e2ee-a", messages: [{ role: "user", content: "hi" }] };
const bound = writeBinding(REQUEST, { ...LINE, nowMs: 1_700_000_000_999 });

function faultOf(body: unknown, expected: Partial<typeof LINE> = {}, required = true) {
  try {
    assertBinding(body, { ...LINE, ...expected, required });
  } catch (error) {
    if (error instanceof WireError) return `${error.code} ${error.param}`;
    throw error;
  }
  return "bound";
}

describe("writeBinding", () => {
  it("adds the member and leaves the caller's object alone", () => {
    expect(bound).toEqual({ ...REQUEST, bauta: { ...LINE, t: 1_700_000_000 } });
    expect(REQUEST).not.toHaveProperty("bauta");
  });

  it.each([[null], ["text"], [[]], [undefined]])("refuses %j", (request) => {
    expect(() => writeBinding(request, { ...LINE, nowMs: 0 })).toThrow(RefusalError);
  });

  it.each([[{}], [null], [undefined]])("refuses a caller's own member %j", (bauta) => {
    expect(() => writeBinding({ ...REQUEST, bauta }, { ...LINE, nowMs: 0 })).toThrow(/^bauta: /);
  });
});

describe("assertBinding", () => {
  it("gives back the request as it was, and when it was sealed", () => {
    expect(assertBinding(JSON.parse(JSON.stringify(bound)), { ...LINE, required: true })).toEqual({ request: REQUEST, t: 1_700_000_000 });
  });

  it.each([
    ["method", { method: "PUT" }, "binding_mismatch bauta.method"],
    ["path", { path: "/embeddings" }, "binding_mismatch bauta.path"],
    ["model", { model: "e2ee-b" }, "binding_mismatch model"],
  ])("refuses another %s beside it", (_name, expected, outcome) => {
    expect(faultOf(bound, expected)).toBe(outcome);
    expect(faultOf(bound, expected, false)).toBe(outcome);
  });

  it("compares the model inside the binding, too", () => {
    expect(faultOf({ ...bound, bauta: { ...bound.bauta, model: "e2ee-b" } })).toBe("binding_mismatch bauta.model");
  });

  it("asks for the member only where it is required, and for the model in any case", () => {
    expect(faultOf(REQUEST)).toBe("missing_field bauta");
    expect(assertBinding(REQUEST, { ...LINE, required: false })).toEqual({ request: REQUEST, t: undefined });
    expect(faultOf({ messages: [] }, {}, false)).toBe("binding_mismatch model");
    expect(faultOf({ ...REQUEST, model: ["e2ee-a"] }, {}, false)).toBe("binding_mismatch model");
  });

  it.each([
    ["null", null, "invalid_field bauta"],
    ["an array", [], "invalid_field bauta"],
    ["empty", {}, "binding_mismatch bauta.method"],
    ["with a member that nobody knows", { ...bound.bauta, host: "x" }, "invalid_field bauta"],
    ["without t", { ...LINE }, "invalid_field bauta.t"],
    ["with t as text", { ...bound.bauta, t: "1700000000" }, "invalid_field bauta.t"],
    ["with a fraction", { ...bound.bauta, t: 1.5 }, "invalid_field bauta.t"],
    ["with t before 1970", { ...bound.bauta, t: -1 }, "invalid_field bauta.t"],
    ["with t beyond what a number holds", { ...bound.bauta, t: 1e300 }, "invalid_field bauta.t"],
  ])("refuses a member that is %s, required or not", (_name, bauta, outcome) => {
    expect(faultOf({ ...REQUEST, bauta })).toBe(outcome);
    expect(faultOf({ ...REQUEST, bauta }, {}, false)).toBe(outcome);
  });

  it.each([[null], ["text"], [[bound]], [7]])("refuses %j for a request", (body) => {
    expect(faultOf(body)).toBe("invalid_json null");
  });
});
