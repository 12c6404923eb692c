// `npm test`: installs and builds what is missing, then runs a newcomer's tests. `npm run test:all` runs every test;
// arguments choose some, as vitest takes them.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { runChild } from "./child.mjs";
import { newcomerTests, settings, without } from "./newcomer-tests.mjs";
import { prepare, root } from "./prepare.mjs";
import { describeRun } from "./test-report.mjs";

const args = process.argv.slice(2);
const all = args[0] === "--all";
const chosen = all ? args.slice(1) : args;
const isNewcomers = !all && chosen.length === 0;

await prepare();
const results = `${root}.cache/test-results.json`;
mkdirSync(`${root}.cache`, { recursive: true });
rmSync(results, { force: true });
const files = isNewcomers ? [...settings, ...newcomerTests, ...without.flatMap((pattern) => ["--exclude", pattern])] : chosen;
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${results}`];
const { code, signal } = await runChild(process.execPath, [`${root}node_modules/vitest/vitest.mjs`, "run", ...reporters, ...files], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit"],
});
const { ok, lines } = describeRun(existsSync(results) ? readFileSync(results, "utf8") : undefined, { code, signal, root });
for (const line of lines) console.log(line);
if (isNewcomers && ok) console.log("These are a newcomer's tests: a path of each kind. `npm run test:all` runs every test.");
process.exit(ok ? 0 : code || signal || 1);
