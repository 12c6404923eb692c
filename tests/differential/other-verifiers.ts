import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { initSync, js_verify } from "@phala/dcap-qvl-web";
import { QuoteVerifier } from "@phala/dcap-qvl";
import { parseHex } from "../../packages/protocol/src/index.ts";
import type { DifferentialCase } from "./differential-cases.ts";

/**
 * What a verifier makes of a quote and its collateral: Intel's status, which it leaves to its caller to accept or not,
 * or a refusal. Words in brackets explain and are not compared.
 */
export interface Verdict {
  readonly verdict: string;
  readonly why: string;
}

/** A verifier that was not written here. */
export interface OtherVerifier {
  readonly name: string;
  /** Undefined for a case that it cannot be given. */
  judge(input: DifferentialCase): Verdict | undefined;
}

const require = createRequire(import.meta.url);
initSync({ module: readFileSync(require.resolve("@phala/dcap-qvl-web/dcap-qvl-web_bg.wasm")) });

/** @see https://www.npmjs.com/package/@phala/dcap-qvl */
const inJavaScript: OtherVerifier = {
  name: "@phala/dcap-qvl",
  judge: ({ quote, collateral, nowMs, root }) =>
    attempt(() => {
      const verifier = root ? QuoteVerifier.newWithRootCa(Buffer.from(root, "hex")) : QuoteVerifier.newProd();
      return verifier.verify(bytes(quote), { ...collateral } as never, Math.floor(nowMs / 1000)).status;
    }),
};

/** It knows no root but Intel's. @see https://www.npmjs.com/package/@phala/dcap-qvl-web */
const inWebAssembly: OtherVerifier = {
  name: "@phala/dcap-qvl-web",
  judge: ({ quote, collateral, nowMs, root }) =>
    root === undefined
      ? attempt(() => (js_verify(bytes(quote), { ...collateral }, BigInt(Math.floor(nowMs / 1000))) as { status: string }).status)
      : undefined,
};

export const otherVerifiers: readonly OtherVerifier[] = [inJavaScript, inWebAssembly];

function attempt(verify: () => string): Verdict {
  try {
    return { verdict: verify(), why: "" };
  } catch (error) {
    return { verdict: "refused", why: error instanceof Error ? error.message : String(error) };
  }
}

function bytes(hex: string): Buffer {
  return Buffer.from(parseHex(hex, 64 * 1024 * 1024) ?? new Uint8Array());
}
