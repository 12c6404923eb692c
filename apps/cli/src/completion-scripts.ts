import type { CompletionNode, CompletionOption } from "./completion-tree.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The script that teaches a shell to complete `bauta`. */
export function toCompletionScript(shell: Shell, nodes: readonly CompletionNode[]): string {
  return { bash: toBash, zsh: toZsh, fish: toFish }[shell](nodes);
}

/** Where the words so far lead: shells look it up by the command's names, joined. */
function pathCases(nodes: readonly CompletionNode[], body: (node: CompletionNode) => string): string {
  return nodes.map((node) => `    ${quote(node.path)})\n${body(node)}\n      ;;`).join("\n");
}

function toBash(nodes: readonly CompletionNode[]): string {
  const paths = nodes.map(({ path }) => path).filter((path) => path !== "");
  return `# bash completion for bauta. Load it with: source <(bauta completion bash)
_bauta() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" path="" word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
    ${paths.map(quote).join(" | ")}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${pathCases(nodes, bashBody)}
  esac
}
complete -F _bauta bauta
`;
}

function bashBody({ commands, options, words }: CompletionNode): string {
  const valued = options.filter(({ value }) => value !== "none");
  const cases = valued.map((option) => `      ${option.names.map(quote).join(" | ")}) ${bashValue(option)}; return ;;`);
  const names = options.flatMap((option) => option.names);
  const plain = [...commands.map(({ name }) => name), ...words];
  return `      case "$previous" in
${cases.join("\n")}
      esac
      if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W ${quote(names.join(" "))} -- "$current"))
      else COMPREPLY=($(compgen -W ${quote(plain.join(" "))} -- "$current")); fi`;
}

function bashValue({ value, words }: CompletionOption): string {
  if (value === "file") return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current"))';
  return value === "words" ? `COMPREPLY=($(compgen -W ${quote(words.join(" "))} -- "$current"))` : "COMPREPLY=()";
}

function toZsh(nodes: readonly CompletionNode[]): string {
  const paths = nodes.map(({ path }) => path).filter((path) => path !== "");
  return `#compdef bauta
# zsh completion for bauta. Load it with: source <(bauta completion zsh)
_bauta() {
  local joined="" word
  local -a choices
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${joined:+$joined }$word" in
    ${paths.map(quote).join(" | ")}) joined="\${joined:+$joined }$word" ;;
    esac
  done
  case "$joined" in
${pathCases(nodes, zshBody)}
  esac
}
compdef _bauta bauta
`;
}

function zshBody({ commands, options, words }: CompletionNode): string {
  const valued = options.filter(({ value }) => value !== "none");
  const cases = valued.map((option) => `      ${option.names.map(quote).join(" | ")}) ${zshValue(option)}; return ;;`);
  const described = (name: string, summary: string) => quote(`${name.replaceAll(":", "\\:")}:${summary}`);
  const names = options.flatMap((option) => option.names.map((name) => described(name, option.summary)));
  const plain = [...commands.map(({ name, summary }) => described(name, summary)), ...words.map((word) => described(word, ""))];
  return `      case "\${words[CURRENT-1]}" in
${cases.join("\n")}
      esac
      if [[ "\${words[CURRENT]}" == -* ]]; then choices=(${names.join(" ")}); _describe -o option choices
      else choices=(${plain.join(" ")}); _describe command choices; fi`;
}

function zshValue({ value, words }: CompletionOption): string {
  if (value === "file") return "_files";
  return value === "words" ? `compadd -- ${words.map(quote).join(" ")}` : "_message value";
}

function toFish(nodes: readonly CompletionNode[]): string {
  const paths = nodes.map(({ path }) => path).filter((path) => path !== "");
  const lines = nodes.flatMap(({ path, commands, options, words }) => {
    const when = `-n "__bauta_at ${quote(path)}"`;
    return [
      ...commands.map(({ name, summary }) => `complete -c bauta -f ${when} -a ${quote(name)} -d ${quote(summary)}`),
      ...words.map((word) => `complete -c bauta -f ${when} -a ${quote(word)}`),
      ...options.map((option) => `complete -c bauta ${when} ${fishOption(option)}`),
    ];
  });
  return `# fish completion for bauta. Load it with: bauta completion fish | source
function __bauta_at
    set -l path
    for word in (commandline -opc)[2..]
        if contains -- (string join -- ' ' $path $word) ${paths.map(quote).join(" ")}
            set -a path $word
        end
    end
    test "$path" = "$argv[1]"
end
complete -c bauta -f
${lines.join("\n")}
`;
}

function fishOption({ names, summary, value, words }: CompletionOption): string {
  const spelled = names.map((name) => (name.startsWith("--") ? `-l ${quote(name.slice(2))}` : `-s ${quote(name.slice(1))}`));
  const takes = { none: "", text: " -x", file: " -r -F", words: ` -x -a ${quote(words.join(" "))}` }[value];
  return `${spelled.join(" ")}${takes} -d ${quote(summary)}`;
}

/** One word for every of the three shells. */
function quote(text: string): string {
  return `'${text.replaceAll("\\", "").replaceAll("'", "’")}'`;
}
