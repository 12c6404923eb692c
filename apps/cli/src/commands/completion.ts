import { Argument, type Command } from "commander";

export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print a script that completes this command's words in your shell")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      `
Examples:
  source <(bauta completion bash)       in ~/.bashrc
  source <(bauta completion zsh)        in ~/.zshrc, after compinit
  bauta completion fish > ~/.config/fish/completions/bauta.fish`,
    )
    .action(async (shell: "bash" | "zsh" | "fish") => {
      const { readCompletionTree } = await import("../completion-tree.ts");
      const { toCompletionScript } = await import("../completion-scripts.ts");
      process.stdout.write(toCompletionScript(shell, readCompletionTree(program)));
    });
}
