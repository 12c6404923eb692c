// What `npm start` and `npm test` need before they can run: a Node that is new enough, the installed packages, the build.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../", import.meta.url));
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

/** Runs a program in the repository's root with its output shown; ends this process when it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (error) fail(`${command} could not be started: ${error.message}`);
  if (status !== 0) process.exit(status ?? (signal ? 1 : 0));
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

function assertNode() {
  const wanted = JSON.parse(readFileSync(`${root}package.json`, "utf8")).engines.node.replace(">=", "");
  const [major, minor] = process.versions.node.split(".").map(Number);
  const [wantedMajor, wantedMinor] = wanted.split(".").map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  fail(`Bauta needs Node ${wanted} or newer; this is ${process.versions.node}. Install a newer Node and try again.`);
}

/** Installed means: npm finished, with the lockfile as it is now. */
function isInstalled() {
  const marker = `${root}node_modules/.package-lock.json`;
  return existsSync(marker) && statSync(marker).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs;
}

export function prepare() {
  assertNode();
  if (!isInstalled()) {
    console.error("Installing packages (once, about a minute) …");
    run(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error", ...(process.stderr.isTTY ? ["--progress=true"] : [])], {
      stdio: ["ignore", 2, 2],
    });
  }
  const started = Date.now();
  const first = !existsSync(`${root}apps/cli/dist/main.js`);
  if (first) console.error("Building …");
  run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-b"], { stdio: ["ignore", 2, 2] });
  if (first) console.error(`Built in ${((Date.now() - started) / 1000).toFixed(1)} s.`);
}
