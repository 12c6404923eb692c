import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { skipUnless } from "./vectors.ts";

const venv = fileURLToPath(new URL("../../.cache/python/bin/python", import.meta.url));

/** A Python with the packages of tests/page/requirements.txt, or undefined. */
export const python: string | undefined = [venv, "python3"].find((candidate) => {
  if (candidate === venv && !existsSync(venv)) return false;
  try {
    execFileSync(candidate, ["-c", "import cryptography, ecdsa, openai, requests"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

/** True when tests with Python clients must be skipped. */
export const noPython = skipUnless(
  python !== undefined,
  "python",
  "python3 -m venv .cache/python && .cache/python/bin/pip install -r tests/page/requirements.txt",
);
