import { Command, InvalidArgumentError } from "commander";
import { withConnectionFlags } from "../connection-flags.ts";
import type { ProxyFlags } from "../proxy-flags.ts";

/** Which flags stand under which heading of the help text; in this order. */
const HEADINGS: readonly (readonly [heading: string, flags: readonly string[]])[] = [
  ["Where it listens, and who may call:", ["--port", "--host", "--local-key-file", "--allow-origin", "--allow-remote", "--allow-host"]],
  ["Which server to ask:", ["--base-url", "--api-key-file", "--models", "--allow-in-clear", "--allow-gateway-visible"]],
];

export function addProxy(program: Command): void {
  const command = program
    .command("proxy")
    .description("serve OpenAI's API on this machine: what passes is attested and sealed")
    .option("--port <port>", "port to listen on; 0 takes any free one", parsePort, 4910)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--local-key-file <file>", "callers must send the key in this file (or BAUTA_LOCAL_KEY): Authorization: Bearer")
    .option("--api-key-file <file>", "the file with your key for the server (or BAUTA_API_KEY)")
    .option("--models <ids>", "attest these at once, and keep them so: ids with commas between", parseModels)
    .option(
      "--allow-in-clear <members>",
      "let these travel beside sealed messages, for the gateway to read: stop,user,metadata,messages.name …",
      parseMembers,
    )
    .option("--allow-gateway-visible", "INSECURE: pass requests to tee-… models on although the gateway reads them")
    .option("--allow-origin <origin>", "let web pages of this origin call, such as http://localhost:3000; may be repeated", collect)
    .option("--allow-remote", "INSECURE: listen for other machines; they send what they ask over the network in clear")
    .option("--allow-host <name>", "a name that other machines call it by; may be repeated", collect);
  for (const option of withConnectionFlags(new Command()).options) if (option.long !== "--api-key") command.addOption(option);
  command
    .option("--json", "print JSON: a line when listening, then a line for each request")
    .addHelpText(
      "after",
      `
Examples:
  bauta proxy --base-url https://host/api/v1 --policy policy.yaml --models e2ee-pocket
  OPENAI_BASE_URL=http://127.0.0.1:4910/v1 OPENAI_API_KEY=unused your-program

Environment: BAUTA_BASE_URL, BAUTA_API_KEY, BAUTA_LOCAL_KEY. A flag counts before
the environment, and that before the configuration file, whose members are the
flags' names: { "base_url": "…", "api_key_file": "…", "proxy": { "port": 4910 } }

It answers programs on this machine alone, and no web page unless told. The status
page is at its address in a browser. Ctrl-C lets answers under way end; a second
one does not.

Exit status: 0 stopped, 2 wrong usage or an address that is taken.`,
    )
    .action(async (flags: ProxyFlags) => {
      const { runProxy } = await import("../proxy-run.ts");
      await runProxy(flags);
    });
  for (const [heading, flags] of HEADINGS) for (const flag of flags) command.options.find(({ long }) => long === flag)?.helpGroup(heading);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("a port is a number from 0 to 65535.");
  return port;
}

function parseModels(text: string, before: readonly string[] | undefined): readonly string[] {
  const models = text.split(",").map((model) => model.trim());
  if (models.some((model) => !/^[\x21-\x7e]{1,256}$/.test(model))) throw new InvalidArgumentError("give ids with commas between.");
  return [...new Set([...(before ?? []), ...models])];
}

function parseMembers(text: string, before: readonly string[] | undefined): readonly string[] {
  const members = text.split(",").map((member) => member.trim());
  if (members.some((member) => !/^[A-Za-z_][A-Za-z0-9_.]{0,99}$/.test(member))) {
    throw new InvalidArgumentError("give names of members with commas between, such as stop,user.");
  }
  return [...new Set([...(before ?? []), ...members])];
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
