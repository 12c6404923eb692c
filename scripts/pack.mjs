// `npm run pack`: the packages as tarballs in .cache/packages, the same bytes each time.
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { runChild } from "./child.mjs";
import { prepare, root } from "./prepare.mjs";

await prepare();
const folder = `${root}.cache/packages`;
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const workspaces = ["packages", "apps"].flatMap((group) => readdirSync(`${root}${group}`).map((name) => `${group}/${name}`));
const isWindows = process.platform === "win32";
const { code, signal } = await runChild(
  isWindows ? "npm.cmd" : "npm",
  ["pack", "--silent", "--pack-destination", folder, ...workspaces.flatMap((workspace) => ["-w", workspace])],
  { cwd: root, stdio: ["ignore", 2, 2], shell: isWindows },
);
if (code !== 0) process.exit(code ?? signal);
for (const name of readdirSync(folder).sort()) console.log(`${folder}/${name}`);
