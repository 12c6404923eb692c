#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addChat } from "./commands/chat.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDemo } from "./commands/demo.ts";
import { addGateway } from "./commands/gateway.ts";
import { addModels } from "./commands/models.ts";
import { addPolicy } from "./commands/policy.ts";
import { addProxy } from "./commands/proxy.ts";
import { addVerify } from "./commands/verify.ts";
import { addConfigFile } from "./config-file.ts";
import { followProxyEnvironment } from "./environment-proxy.ts";
import { EXIT, exitCodeOf, showError } from "./exit.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };

const json = process.argv.includes("--json");
const program = new Command("bauta")
  .description("Confidential inference: verify the enclave, then ask")
  .version(version)
  .showSuggestionAfterError()
  .configureHelp({ showGlobalOptions: true })
  // Who asked for JSON gets wrong usage as JSON too, below.
  .configureOutput({ outputError: (text, write) => void (json || write(text)) })
  .exitOverride();
for (const add of [addDemo, addChat, addVerify, addPolicy, addModels, addProxy, addGateway, addCompletion]) add(program);
// Subcommands take exitOverride from their parent only if they exist when it is set.
for (const command of program.commands) command.exitOverride();
addConfigFile(program);

/** Help for a command that is not there would read as if it were. */
function withoutHelpOfNone(argv: readonly string[]): string[] {
  const [named] = program.parseOptions(argv.slice(2)).operands;
  const isKnown = named === undefined || named === "help" || program.commands.some((command) => command.name() === named);
  return argv.filter((argument) => isKnown || (argument !== "--help" && argument !== "-h"));
}

// A reader that has seen enough, such as head, takes nothing away from the outcome: the command ends by itself and says
// with its status how it went.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

try {
  await followProxyEnvironment();
  await program.parseAsync(withoutHelpOfNone(process.argv));
} catch (error) {
  if (error instanceof CommanderError) {
    if (json && error.exitCode !== 0) await showError(new CommanderError(2, error.code, error.message.replace(/^error: /, "")), json);
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else {
    await showError(error, json);
    process.exitCode = exitCodeOf(error);
  }
}
