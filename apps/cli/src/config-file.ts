import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Command, InvalidArgumentError, type Option } from "commander";
import { withConnectionFlags } from "./connection-flags.ts";
import { CommandError, EXIT } from "./exit.ts";
import { readInputFile } from "./input-file.ts";
import { readKeyFile } from "./proxy-key-file.ts";

type Settings = Readonly<Record<string, unknown>>;

interface ConfigFile {
  readonly path: string;
  readonly settings: Settings;
}

const MAX_CONFIG_BYTES = 256 * 1024;

/** What only makes sense for one call, and the one flag whose value must not lie in a file that is not the key's own. */
const NOT_SETTINGS: ReadonlySet<string> = new Set(["config", "help", "json", "api_key", "quiet"]);

/** Two ways to say one thing: giving one on the command line sets the other aside too. */
const RIVALS: Readonly<Record<string, string>> = { policy: "allow_unpinned", allow_unpinned: "policy" };

/** A flag that is not given may come from these, and then the file has no say. */
const ENVIRONMENT: Readonly<Record<string, string>> = { base_url: "BAUTA_BASE_URL", api_key_file: "BAUTA_API_KEY" };

/**
 * Gives every command that talks to a server a configuration file: for each flag that is not given the file's member of
 * the same name counts, in `snake_case`. Members that several commands share stand at the top, a command's own flags in
 * an object of its name.
 */
export function addConfigFile(program: Command): void {
  for (const command of leavesOf(program)) {
    if (has(command, "base_url") && !has(command, "config")) {
      command.option("--config <file>", "settings for what is not given here: JSON; $XDG_CONFIG_HOME/bauta/config.json unless given");
    }
  }
  // A flag that a command cannot do without is looked for before the command's own hooks run.
  program.hook("preSubcommand", async (parent, command) => {
    if (!has(command, "base_url")) return;
    const mandatory = command.options.filter((option) => option.mandatory && command.getOptionValue(option.attributeName()) === undefined);
    if (mandatory.length === 0) return;
    const file = await openConfig(program, configArgument(parent.args));
    if (file) await apply(command, file, mandatory);
  });
  program.hook("preAction", async (_program, command) => {
    if (!has(command, "base_url")) return;
    const file = await openConfig(program, command.getOptionValue("config") as string | undefined);
    if (file) await apply(command, file, command.options);
  });
}

function configArgument(args: readonly string[]): string | undefined {
  const at = args.findIndex((arg) => arg === "--config" || arg.startsWith("--config="));
  const arg = args[at];
  return arg?.includes("=") ? arg.slice(arg.indexOf("=") + 1) : at < 0 ? undefined : args[at + 1];
}

/** The file that was named, or the one in its usual place, which need not be there. */
async function openConfig(program: Command, named: string | undefined): Promise<ConfigFile | undefined> {
  const { XDG_CONFIG_HOME: xdg } = process.env;
  const path = named ?? join(xdg?.startsWith("/") ? xdg : join(homedir(), ".config"), "bauta", "config.json");
  if (named === undefined && !(await exists(path))) return undefined;
  const settings = parseSettings(path, await readInputFile(path, MAX_CONFIG_BYTES));
  assertSettings(path, "", settings);
  const shared = sharedOptions();
  const sections = new Map(program.commands.filter((command) => has(command, "base_url")).map((command) => [command.name(), command]));
  for (const [name, value] of Object.entries(settings)) {
    const section = sections.get(name);
    if (!section) assertKnown(path, "", name, [...shared.keys(), ...sections.keys()]);
    else {
      assertSettings(path, name, value);
      const own = ownOptions(section, shared);
      for (const member of Object.keys(value)) assertKnown(path, `${name}.`, member, [...own.keys()]);
    }
  }
  return { path, settings };
}

/** The parser's own words would quote what stands there, which may be a key. @throws {CommandError} */
function parseSettings(path: string, bytes: Uint8Array): unknown {
  let json: string | undefined;
  try {
    json = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return JSON.parse(json);
  } catch (error) {
    const position = error instanceof SyntaxError ? / at position (\d+)/.exec(error.message)?.[1] : undefined;
    const line = position === undefined ? "" : `, at line ${json?.slice(0, Number(position)).split("\n").length ?? 1}`;
    throw new CommandError(`${path}: not JSON${json === undefined ? " in UTF-8" : line}`, EXIT.usage);
  }
}

async function exists(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT" && error.code !== "ENOTDIR",
  );
}

async function apply(command: Command, { path, settings }: ConfigFile, options: readonly Option[]): Promise<void> {
  const section = settings[command.name()] as Settings | undefined;
  const values: Settings = command.parent?.parent ? settings : { ...settings, ...section };
  for (const option of options) {
    const member = memberOf(option);
    const rival = RIVALS[member];
    const isGiven = (name: string) => ["cli", "env"].includes(command.getOptionValueSource(attributeOf(name)) ?? "");
    if (!Object.hasOwn(values, member) || NOT_SETTINGS.has(member) || isGiven(member)) continue;
    if (isInEnvironment(member) || (rival !== undefined && isGiven(rival))) continue;
    const where = section && Object.hasOwn(section, member) ? `${command.name()}.${member}` : member;
    command.setOptionValueWithSource(option.attributeName(), await readValue(option, values[member], path, where), "config");
  }
  await applyKeyFile(command, values, path);
}

/** Commands that take a key by flag get it from the file that the settings name. */
async function applyKeyFile(command: Command, values: Settings, path: string): Promise<void> {
  const file = values["api_key_file"];
  if (!has(command, "api_key") || has(command, "api_key_file") || file === undefined) return;
  if (command.getOptionValue("apiKey") !== undefined || isInEnvironment("api_key_file")) return;
  const keyFile = resolvePath(text(file, path, "api_key_file"), path);
  const key = await readKeyFile(keyFile, (problem) => void process.stderr.write(`${problem}\n`));
  command.setOptionValueWithSource("apiKey", key, "config");
}

function isInEnvironment(member: string): boolean {
  const variable = ENVIRONMENT[member];
  return variable !== undefined && (process.env[variable] ?? "") !== "";
}

async function readValue(option: Option, value: unknown, path: string, where: string): Promise<unknown> {
  const fail = (problem: string) => new CommandError(`${path}: ${where} ${problem}`, EXIT.usage);
  if (!option.required && !option.optional) {
    if (typeof value !== "boolean") throw fail("must be true or false");
    return value ? true : undefined;
  }
  const isList = Array.isArray(value);
  if (isList && !isRepeatable(option)) throw fail("must be one value");
  let parsed: unknown;
  for (const one of isList ? (value as unknown[]) : [value]) {
    if (typeof one !== "string" && typeof one !== "number")
      throw fail(isRepeatable(option) ? "must be a text or a list of texts" : "must be a text");
    const given =
      /<(?:file|path|folder)>/.test(option.flags) && !(await isBuiltInPolicy(option, String(one)))
        ? resolvePath(String(one), path)
        : String(one);
    if (option.argChoices && !option.argChoices.includes(given)) throw fail(`must be one of ${option.argChoices.join(", ")}`);
    try {
      parsed = option.parseArg ? option.parseArg(given, parsed) : given;
    } catch (error) {
      if (error instanceof InvalidArgumentError) throw fail(`is not right: ${error.message}`);
      throw error;
    }
  }
  return parsed;
}

/** Flags whose reader takes what was read before. */
function isRepeatable({ parseArg }: Option): boolean {
  return (parseArg?.length ?? 0) > 1;
}

async function isBuiltInPolicy(option: Option, name: string): Promise<boolean> {
  if (memberOf(option) !== "policy") return false;
  const { builtInPolicy } = await import("@bauta/attestation");
  return builtInPolicy(name) !== undefined;
}

/** As seen from the file's folder, or from home. */
function resolvePath(file: string, configPath: string): string {
  return file.startsWith("~/") ? join(homedir(), file.slice(2)) : resolve(dirname(configPath), file);
}

function text(value: unknown, path: string, where: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new CommandError(`${path}: ${where} must be a text`, EXIT.usage);
}

function assertSettings(path: string, name: string, value: unknown): asserts value is Settings {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new CommandError(`${path}: ${name === "" ? "it" : name} must be an object`, EXIT.usage);
}

function assertKnown(path: string, prefix: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const shown = /^[\w-]{1,40}$/.test(name) ? name : "a member";
  const hint = name === "api_key" ? "keys do not stand here: name their file as api_key_file" : `known are ${known.toSorted().join(", ")}`;
  throw new CommandError(`${path}: ${prefix}${shown} is not a setting; ${hint}`, EXIT.usage);
}

function sharedOptions(): Map<string, Option | undefined> {
  return new Map([
    ...withConnectionFlags(new Command())
      .options.map((option): [string, Option] => [memberOf(option), option])
      .filter(([name]) => !NOT_SETTINGS.has(name)),
    ["api_key_file", undefined],
  ]);
}

function ownOptions(command: Command, shared: ReadonlyMap<string, unknown>): Map<string, Option> {
  const options = command.options.map((option): [string, Option] => [memberOf(option), option]);
  return new Map(options.filter(([name]) => !shared.has(name) && !NOT_SETTINGS.has(name)));
}

/** `--local-key-file` is `local_key_file`. */
function memberOf({ long, short }: Option): string {
  return (long ?? short ?? "").replace(/^--?/, "").replaceAll("-", "_");
}

function attributeOf(member: string): string {
  return member.replaceAll(/_(\w)/g, (_all, letter: string) => letter.toUpperCase());
}

function has(command: Command, member: string): boolean {
  return command.options.some((option) => memberOf(option) === member);
}

function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
}
