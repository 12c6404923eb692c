import { type Command, InvalidArgumentError, Option } from "commander";
import type { DemoOptions } from "../demo-stack.ts";
import { EXIT } from "../exit.ts";
import { createTerminal } from "../terminal.ts";
import { untilStopped } from "../until-stopped.ts";

interface Flags extends Omit<DemoOptions, "gatewayPort"> {
  readonly gatewayPort: number;
  readonly open: boolean;
  readonly json?: true;
}

export function addDemo(program: Command): void {
  program
    .command("demo")
    .description("run client, gateway and enclave on this machine, with a software TEE and GPU (SIMULATED)")
    .option("--gateway-port <port>", "port of the public API on 127.0.0.1; 0 takes any free one", parsePort, 8787)
    .option("--dir <folder>", "keep keys, roots, policy.json and env there; npm start takes .bauta")
    .option("--engine-url <url>", "answer with an OpenAI-compatible server (its key in BAUTA_ENGINE_KEY)")
    .option("--engine-model <name>", "the model's name on that server")
    .option("--engine-features <list>", "what that model can do beyond text: tools,images,schemas,logprobs,embeddings")
    .option("--model-file <file>", "answer with a GGUF file, in llama.cpp")
    .addOption(new Option("--quote-encoding <encoding>", "how quotes are served").choices(["base64", "hex"]).default("base64"))
    .addOption(
      new Option("--log-level <level>", "log of gateway and enclave, on standard error")
        .choices(["silent", "error", "info", "trace"])
        .default("error"),
    )
    .option("--no-open", "do not open a chat; only serve")
    .option("--json", "print one line of JSON when ready")
    .addHelpText(
      "after",
      `
Examples:
  bauta demo                                         a sealed chat in this terminal
  bauta demo --model-file qwen.gguf                  with any GGUF model
  bauta demo --engine-url http://127.0.0.1:11434/v1  with Ollama
  bauta demo --no-open --json                        for scripts; ends on SIGTERM`,
    )
    .action(runDemo);
}

async function runDemo(flags: Flags): Promise<void> {
  const { startDemo } = await import("../demo-stack.ts");
  const stopped = untilStopped();
  const progress = createTerminal(process.stderr);
  const stack = await startDemo(flags, (step) => {
    if (!flags.json) progress.line(progress.dim(`${step} …`));
  });
  try {
    if (flags.json) {
      const { baseUrl, apiKey, models, trustRootFile, policyFile, envFile } = stack;
      const { printableJson } = await import("@bauta/client");
      process.stdout.write(
        `${printableJson({ gateway: baseUrl, apiKey, models, trustRoot: trustRootFile, policy: policyFile, env: envFile })}\n`,
      );
      await stopped;
      return;
    }
    const terminal = createTerminal();
    const { showDemo } = await import("../demo-words.ts");
    showDemo(terminal, stack);
    if (flags.open && terminal.interactive && process.stdin.isTTY) {
      const { connect } = await import("../connect.ts");
      const { chatInTerminal } = await import("../chat-loop.ts");
      const { client } = await connect({
        baseUrl: stack.baseUrl,
        apiKey: stack.apiKey,
        trustRoot: [stack.trustRootFile],
        policy: stack.policyFile,
      });
      const verified = await Promise.race([stopped, chatInTerminal(client, stack.models[1], terminal)]);
      if (verified === false) process.exitCode = EXIT.failed;
    } else {
      terminal.line("Ctrl-C stops it.");
      await stopped;
    }
  } finally {
    await stack.close();
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("a port is a number from 0 to 65535.");
  return port;
}
