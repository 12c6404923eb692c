import { readFileSync } from "node:fs";
import { pagePath } from "../support/vectors.ts";

/** A program of the page, as it stands there. */
export interface PageProgram {
  readonly language: "javascript" | "python" | "bash";
  /** The headings above it, outermost first. */
  readonly under: readonly string[];
  readonly code: string;
}

/** Reads every fenced program of the page, without its indentation. */
export function readPagePrograms(): PageProgram[] {
  const programs: PageProgram[] = [];
  const headings: string[] = [];
  let open: { language: string; indent: number; lines: string[] } | undefined;
  for (const line of readFileSync(pagePath, "utf8").split("\n")) {
    const fence = /^(\s*)```(\w*)/.exec(line);
    if (open) {
      if (fence && fence[1]?.length === open.indent && fence[2] === "") {
        const { language, lines } = open;
        if (language === "javascript" || language === "python" || language === "bash")
          programs.push({ language, under: [...headings], code: `${lines.join("\n")}\n` });
        open = undefined;
      } else open.lines.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)));
      continue;
    }
    if (fence) {
      open = { language: fence[2] ?? "", indent: fence[1]?.length ?? 0, lines: [] };
      continue;
    }
    const heading = /^(#+) (.*)/.exec(line);
    if (heading) {
      headings.length = (heading[1]?.length ?? 1) - 1;
      headings.push(heading[2] ?? "");
    }
  }
  return programs;
}

/** The program of a language under a heading, with base URL, key and model replaced and nothing else. */
export function pageProgram(
  programs: readonly PageProgram[],
  heading: string,
  language: PageProgram["language"],
  target: { baseUrl: string; apiKey: string; teeModel: string; e2eeModel: string },
): string {
  const found = programs.filter((program) => program.language === language && program.under.at(-1) === heading);
  if (found.length !== 1 || !found[0]) throw new Error(`the page has ${found.length} ${language} programs under "${heading}"`);
  return found[0].code
    .replaceAll("https://api.venice.ai/api/v1", target.baseUrl)
    .replaceAll("e2ee-qwen3-5-122b-a10b", target.e2eeModel)
    .replaceAll("tee-qwen3-5-122b-a10b", target.teeModel)
    .replaceAll("your-venice-api-key", target.apiKey)
    .replaceAll("your-api-key", target.apiKey);
}
