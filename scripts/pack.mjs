// `npm run pack`: the packages as tarballs in .cache/packages, the same bytes each time.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { runChild } from "./child.mjs";
import { prepare, root } from "./prepare.mjs";

await prepare();
const folder = `${root}.cache/packages`;
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
// The model that `bauta demo` answers with goes along.
mkdirSync(`${root}apps/cli/models`, { recursive: true });
copyFileSync(`${root}models/pocket/pocket.gguf`, `${root}apps/cli/models/pocket.gguf`);
const workspaces = ["packages", "apps"].flatMap((group) => readdirSync(`${root}${group}`).map((name) => `${group}/${name}`));
const isWindows = process.platform === "win32";
const { code, signal } = await runChild(
  isWindows ? "npm.cmd" : "npm",
  ["pack", "--silent", "--pack-destination", folder, ...workspaces.flatMap((workspace) => ["-w", workspace])],
  { cwd: root, stdio: ["ignore", 2, 2], shell: isWindows },
);
if (code !== 0) process.exit(code ?? signal);
for (const name of readdirSync(folder).sort()) console.log(`${folder}/${name}`);
