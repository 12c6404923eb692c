import type { ModelProtection } from "@bauta/client";
import type { Command } from "commander";
import { type ConnectionFlags, withConnectionFlags } from "../connection-flags.ts";
import { createTerminal } from "../terminal.ts";

const PROMISES: Record<ModelProtection, string> = {
  sealed: "sealed: only the enclave reads it",
  "gateway-visible": "attested: the gateway reads it too",
  none: "neither attested nor sealed",
};

export function addModels(program: Command): void {
  withConnectionFlags(program.command("models").description("list the gateway's models and how private each is"))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  bauta models --base-url http://127.0.0.1:8787/api/v1")
    .action(async (flags: ConnectionFlags & { json?: true }) => {
      const { printableJson, printableLine } = await import("@bauta/client");
      const { connect } = await import("../connect.ts");
      const { client } = await connect(flags);
      const models = await client.models();
      if (flags.json) {
        process.stdout.write(`${printableJson(models)}\n`);
        return;
      }
      const terminal = createTerminal();
      const width = Math.max(0, ...models.map(({ id }) => id.length));
      for (const { id, protection } of models) terminal.line(`${printableLine(id).padEnd(width)}  ${terminal.dim(PROMISES[protection])}`);
    });
}
