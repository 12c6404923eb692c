// `npm start`: installs and builds what is missing, then runs the whole stack on this machine.
import { spawn } from "node:child_process";
import { prepare, root } from "./prepare.mjs";

await prepare();
const given = process.argv.slice(2);
// What a start makes stays for the next one, so that what was pasted once goes on working.
const args = given.some((argument) => /^--dir(?:=|$)/.test(argument)) ? given : ["--dir", `${root}.bauta`, ...given];
const demo = spawn(process.execPath, [`${root}apps/cli/dist/main.js`, "demo", ...args], { stdio: "inherit" });
// A terminal sends Ctrl-C to both; anyone else's signal is passed on, and the demo decides when it has ended.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => demo.kill(signal));
demo.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
