import type { Command } from "commander";
import { type ConnectionFlags, withConnectionFlags } from "../connection-flags.ts";
import { createTerminal, printable } from "../terminal.ts";

export function addModels(program: Command): void {
  withConnectionFlags(program.command("models").description("list the gateway's models and how private each is"))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  bauta models --base-url http://127.0.0.1:8787/api/v1")
    .action(async (flags: ConnectionFlags & { json?: true }) => {
      const { connect } = await import("../connect.ts");
      const { client } = await connect(flags);
      const models = await client.models();
      if (flags.json) {
        process.stdout.write(`${JSON.stringify(models)}\n`);
        return;
      }
      const terminal = createTerminal();
      const width = Math.max(0, ...models.map(({ id }) => id.length));
      for (const { id } of models) {
        const privacy = id.startsWith("e2ee-")
          ? "sealed: only the enclave reads it"
          : id.startsWith("tee-")
            ? "attested: the gateway reads it too"
            : "neither attested nor sealed";
        terminal.line(`${printable(id).padEnd(width)}  ${terminal.dim(privacy)}`);
      }
    });
}
