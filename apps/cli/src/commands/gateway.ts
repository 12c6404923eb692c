import type { Command } from "commander";
import { createTerminal } from "../terminal.ts";
import { untilStopped } from "../until-stopped.ts";

export function addGateway(program: Command): void {
  program
    .command("gateway")
    .description("run a gateway from a configuration file")
    .requiredOption("--config <file>", "YAML or JSON")
    .option("--check", "read the file, say what is wrong with it, and end")
    .option("--json", "print one line of JSON when listening")
    .addHelpText("after", "\nExamples:\n  bauta gateway --config gateway.yaml --check\n  bauta gateway --config gateway.yaml")
    .action(async (flags: { config: string; check?: true; json?: true }) => {
      const { printableJson } = await import("@bauta/client");
      const { createGateway, loadConfig } = await import("@bauta/gateway");
      const config = await loadConfig(flags.config);
      const terminal = createTerminal();
      if (flags.check) {
        terminal.line(
          flags.json
            ? printableJson({ ok: true, models: config.models.map(({ id }) => id) })
            : `${flags.config}: ${config.models.length} models, ${config.keys.length} keys, nothing wrong`,
        );
        return;
      }
      const stopped = untilStopped();
      const gateway = createGateway(config);
      const { url, operatorUrl } = await gateway.listen();
      if (flags.json) terminal.line(printableJson({ gateway: `${url}/api/v1`, operator: operatorUrl ?? null }));
      else terminal.line(`gateway at ${url}/api/v1`);
      await stopped;
      await gateway.close();
    });

  program
    .command("keys")
    .description("make an API key for a gateway's configuration")
    .option("--json", "print JSON")
    .addHelpText("after", "\nThe key is shown once; the configuration holds its hash only.")
    .action(async (flags: { json?: true }) => {
      const { printableJson } = await import("@bauta/client");
      const { createApiKey } = await import("@bauta/gateway");
      const { key, sha256 } = createApiKey();
      const terminal = createTerminal();
      if (flags.json) return terminal.line(printableJson({ key, sha256 }));
      terminal.line(`key      ${key}  ${terminal.dim("(give it to its user; it is not shown again)")}`);
      terminal.line(`sha256   ${sha256}  ${terminal.dim("(for keys[].sha256 in the configuration)")}`);
    });
}
