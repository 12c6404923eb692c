import type { Argument, Command, Option } from "commander";

/** A command as far as completing a line needs it. */
export interface CompletionNode {
  /** Names from below the program: `policy pin`; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly CompletionOption[];
  /** Words that its arguments can be, where they are known. */
  readonly words: readonly string[];
}

export interface CompletionOption {
  /** `--port`, `-V`: all spellings. */
  readonly names: readonly string[];
  readonly summary: string;
  /** What its value is; `none` for a switch. */
  readonly value: "none" | "file" | "words" | "text";
  readonly words: readonly string[];
}

/** Reads commander's own tree, so that what is completed is what is understood. */
export function readCompletionTree(program: Command): CompletionNode[] {
  return visit(program, []);
}

function visit(command: Command, path: readonly string[]): CompletionNode[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).map((child) => ({ name: child.name(), summary: firstClause(child.description()) }));
  const inherited = [...ancestors(command)]
    .flatMap((ancestor) => ancestor.options)
    .filter(({ hidden, long }) => !hidden && long !== "--version");
  const options = [...help.visibleOptions(command), ...inherited].map(toOption);
  const node = { path: path.join(" "), commands, options, words: command.registeredArguments.flatMap(argumentWords) };
  return [node, ...command.commands.flatMap((child) => visit(child, [...path, child.name()]))];
}

function* ancestors(command: Command): Iterable<Command> {
  for (let one = command.parent; one; one = one.parent) yield one;
}

function argumentWords({ argChoices }: Argument): readonly string[] {
  return argChoices ?? [];
}

function toOption(option: Option): CompletionOption {
  const { flags, description, argChoices, required, optional } = option;
  const names = flags.split(/[ ,|]+/).filter((name) => name.startsWith("-"));
  const takes = required || optional;
  const value = !takes ? "none" : argChoices ? "words" : /<(?:file|path|folder)>/.test(flags) ? "file" : "text";
  return { names, summary: firstClause(description), value, words: argChoices ?? [] };
}

/** A menu has room for no more. */
function firstClause(text: string): string {
  return (/^[^;\n]*/.exec(text)?.[0] ?? "").trim();
}
