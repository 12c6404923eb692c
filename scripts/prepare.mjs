// What `npm start` and `npm test` need before they can run: a Node that is new enough, the installed packages, the build.
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runChild } from "./child.mjs";
import { withLock } from "./lock.mjs";

export const root = fileURLToPath(new URL("../", import.meta.url));
const isWindows = process.platform === "win32";

function assertNode() {
  const wanted = JSON.parse(readFileSync(`${root}package.json`, "utf8")).engines.node.replace(">=", "");
  const [major, minor] = process.versions.node.split(".").map(Number);
  const [wantedMajor, wantedMinor] = wanted.split(".").map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  console.error(`Bauta needs Node ${wanted} or newer; this is ${process.versions.node}. Install a newer Node and try again.`);
  process.exit(1);
}

/** Installed means: npm finished, with the lockfile as it is now. */
function isInstalled() {
  const marker = `${root}node_modules/.package-lock.json`;
  return existsSync(marker) && statSync(marker).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs;
}

/** Ends this process when a step fails; a signal ends the step first. */
async function step(command, args, options) {
  const { code, signal } = await runChild(command, args, { cwd: root, stdio: ["ignore", 2, 2], ...options });
  if (code !== 0) process.exit(code ?? signal);
}

async function install() {
  console.error("Installing packages (once, about a minute) …");
  // An install that was ended may have left anything here; npm stumbles over some of it.
  rmSync(`${root}node_modules`, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  const shown = process.stderr.isTTY ? ["--progress=true"] : [];
  await step(isWindows ? "npm.cmd" : "npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error", ...shown], { shell: isWindows });
}

async function build() {
  const started = Date.now();
  const first = !existsSync(`${root}apps/cli/dist/main.js`);
  if (first) console.error("Building …");
  await step(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-b"]);
  if (first) console.error(`Built in ${((Date.now() - started) / 1000).toFixed(1)} s.`);
}

/** Installs and builds what is missing, while nobody else does here. */
export async function prepare() {
  assertNode();
  await withLock(`${root}.cache/prepare.lock`, async () => {
    if (!isInstalled()) await install();
    await build();
  });
}
