/**
 * What a run of tests came to. A run fails in more forms than a failed test: a file that could not be read, an error outside
 * of any test, a worker that died; each is said in a line.
 * @param json what vitest's reporter wrote, or undefined where it wrote nothing
 */
export function describeRun(json, { code, signal, root }) {
  const result = parse(json);
  if (!result) {
    const how = signal ? `a signal (exit code ${signal})` : `exit code ${code}`;
    return { ok: false, lines: [`FAILED: the tests ended with ${how} and without a result`] };
  }
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, testResults } = result;
  const failures = testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = name.startsWith(root) ? name.slice(root.length) : name;
    const tests = assertionResults.filter((test) => test.status === "failed").map((test) => `FAILED: ${file}: ${test.fullName}`);
    return tests.length > 0 || status !== "failed" ? tests : [`FAILED: ${file}: ${firstLine(message) || "the file could not be run"}`];
  });
  const lines = [...failures];
  const broken = code !== 0 || signal || !result.success;
  if (broken && failures.length === 0) lines.push("FAILED: an error outside of any test; it is shown above");
  if (passed === 0) lines.push("FAILED: no test has passed");
  lines.push(`${passed} passed, ${failed} failed, ${skipped} skipped in ${testResults.length} files`);
  return { ok: !broken && failures.length === 0 && passed > 0, lines };
}

function parse(json) {
  try {
    const value = JSON.parse(json);
    return Array.isArray(value.testResults) ? value : undefined;
  } catch {
    return undefined;
  }
}

function firstLine(text) {
  return (text ?? "").split("\n", 1)[0].slice(0, 200);
}
