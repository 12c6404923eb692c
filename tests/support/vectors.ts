import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

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

export function readVector(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(vectorPath(path)));
}

export function readJsonVector(path: string): unknown {
  return JSON.parse(readFileSync(vectorPath(path), "utf8"));
}
