import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skipUnless } from "../support/vectors.ts";

/** True when tests against libxml2 and xmlsec must be skipped. */
export const noXmlsec = skipUnless(answers("xmlsec1") && answers("xmllint"), "xmlsec1", "install xmlsec1 and libxml2-utils");

/** Runs a program on texts as files in a folder of their own. */
export function runOnFiles(program: string, options: readonly string[], texts: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "bauta-rim-"));
  try {
    const paths = texts.map((text, index) => {
      const path = join(folder, `${index}.xml`);
      writeFileSync(path, text);
      return path;
    });
    return execFileSync(program, [...options, ...paths], { encoding: "utf8", maxBuffer: 64 << 20, stdio: "pipe" });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function answers(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
