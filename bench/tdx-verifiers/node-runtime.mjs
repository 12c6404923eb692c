import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const serve = fileURLToPath(new URL("serve.mjs", import.meta.url));

/** This Node where it is of that version, otherwise one that npx brings; undefined without a network. */
export function findNode(version) {
  if (process.versions.node.split(".")[0] === version) return process.execPath;
  try {
    const args = ["--yes", "--package", `node@${version}`, "--", "node", "-p", "process.execPath"];
    return execFileSync("npx", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

/** Times methods in processes of one Node. */
export async function startNode(name, executable, { inputFile, methods }) {
  const env = { ...process.env, BENCH_INPUT: inputFile, BENCH_METHODS: JSON.stringify(methods) };
  const child = spawn(executable, [serve], { env, stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    name,
    async warmMs(method, iterations) {
      child.stdin.write(`${JSON.stringify({ method, iterations })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} ended while it timed ${method}`);
      return JSON.parse(value).ms;
    },
    async cold(method) {
      return JSON.parse(execFileSync(executable, [serve, "--cold", method], { env, encoding: "utf8" }));
    },
    async close() {
      child.stdin.end();
    },
  };
}
