import { describe, expect, it } from "vitest";
import { describeRun } from "../../scripts/test-report.mjs";

const root = "/clone/";
const counts = { numPassedTests: 2, numFailedTests: 0, numPendingTests: 1, success: true };
const file = (more: object = {}) => ({ name: "/clone/tests/a.test.ts", status: "passed", message: "", assertionResults: [], ...more });
const run = (result: unknown, how: object = {}) =>
  describeRun(typeof result === "string" ? result : JSON.stringify(result), { code: 0, signal: undefined, root, ...how });

describe("a run of tests", () => {
  it("that passed ends with its counts", () => {
    expect(run({ ...counts, testResults: [file()] })).toEqual({ ok: true, lines: ["2 passed, 0 failed, 1 skipped in 1 files"] });
  });

  it.each<[string, unknown, object, RegExp]>([
    [
      "a test failed",
      {
        ...counts,
        numFailedTests: 1,
        success: false,
        testResults: [file({ status: "failed", assertionResults: [{ status: "failed", fullName: "adds up" }] })],
      },
      { code: 1 },
      /^FAILED: tests\/a\.test\.ts: adds up$/,
    ],
    [
      "a file could not be collected",
      { ...counts, success: false, testResults: [file({ status: "failed", message: "no such file\nat x" })] },
      { code: 1 },
      /^FAILED: tests\/a\.test\.ts: no such file$/,
    ],
    ["an error came outside of any test", { ...counts, testResults: [file()] }, { code: 1 }, /^FAILED: an error outside of any test/],
    ["it says so itself", { ...counts, success: false, testResults: [file()] }, {}, /^FAILED: an error outside/],
    ["nothing ran", { ...counts, numPassedTests: 0, testResults: [] }, {}, /^FAILED: no test has passed$/],
    ["it wrote no result", "", { code: 137 }, /^FAILED: the tests ended with exit code 137/],
    ["a signal ended it", "", { code: undefined, signal: 130 }, /^FAILED: the tests ended with a signal \(exit code 130\)/],
    ["its result is cut short", '{"testResults":[', { code: 0 }, /^FAILED: the tests ended with exit code 0 and without a result/],
  ])("has failed, in a line, where %s", (_why, result, how, line) => {
    const { ok, lines } = run(result, how);
    expect([ok, lines[0]]).toEqual([false, expect.stringMatching(line)]);
  });
});
