import { spawnSync } from "node:child_process";

/** True when a command of that name can be run here. */
export function commandExists(command: string): boolean {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).error === undefined;
}
