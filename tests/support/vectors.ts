import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { assertRunning } from "./stage.ts";

const required = new Set((process.env["BAUTA_REQUIRE"] ?? "").split(",").filter(Boolean));

/** Says once why something is skipped, or fails where CI demands it. */
export function skipUnless(available: boolean, name: string, hint: string): boolean {
  if (available) return false;
  if (required.has(name)) throw new Error(`BAUTA_REQUIRE asks for "${name}", which is not here: ${hint}`);
  console.info(`skipped: ${name} not available (${hint})`);
  return true;
}

const shared = fileURLToPath(new URL("../../../shared/", import.meta.url));

/** The absolute path of a file of recorded evidence that is not part of this repository. */
export function vectorPath(path: string): string {
  return `${shared}vectors/${path}`;
}

/** The page whose protocol we implement; not part of this repository. */
export const pagePath = `${shared}spec/tee-e2ee-models.md`;

/** True when tests over recorded evidence must be skipped (they are, with a plain line, on a machine without it). */
export const noVectors = skipUnless(
  existsSync(`${shared}vectors/README.md`),
  "vectors",
  "recorded evidence lies beside the checkout in ../shared/vectors",
);

/** One test for each file of a folder: their names, none on a machine without vectors. */
export function vectorNames(folder: string): readonly string[] {
  return noVectors ? [] : readdirSync(vectorPath(folder)).sort();
}

/** One test for each entry of a recorded list: the entries, none on a machine without vectors. */
export function vectorCases<Case>(
  path: string,
  listIn: (json: unknown) => readonly Case[] = (json) => json as readonly Case[],
): readonly Case[] {
  return noVectors ? [] : listIn(parseVector(path));
}

/** @throws {Error} while tests are collected, as does `readJsonVector` */
export function readVector(path: string): Uint8Array<ArrayBuffer> {
  assertRunning(`the vector ${path}`);
  return new Uint8Array(readFileSync(vectorPath(path)));
}

export function readJsonVector(path: string): unknown {
  assertRunning(`the vector ${path}`);
  return parseVector(path);
}

function parseVector(path: string): unknown {
  return JSON.parse(readFileSync(vectorPath(path), "utf8"));
}
