import type { Collateral } from "../../packages/attestation/src/index.ts";
import { toHex } from "../../packages/protocol/src/index.ts";
import { platformFamilies } from "../appraisal/corpus/index.ts";
import { mintPlatform, NOW_MS, scopedNumbers } from "../appraisal/platform-case.ts";
import { readJsonVector, readVector, vectorCases } from "../support/vectors.ts";
import type { PlatformInputJson } from "./run-case.ts";

/** A row of recorded evidence, and the verdict that Intel's rules lead to. */
export interface RecordedRow {
  readonly quote: string;
  readonly collateral: string;
  readonly at: string;
  readonly expect: string;
}

/** The rows of recorded evidence, or none where it is not at hand. */
export const recordedRows: readonly RecordedRow[] = vectorCases("tdx/real-cases.json");

/** A recorded quote beside the collateral of its time. */
export function recordedInput({ quote, collateral, at }: RecordedRow): PlatformInputJson {
  return {
    name: `${quote} with ${collateral}`,
    quote: toHex(readVector(`tdx/quotes/${quote}.bin`)),
    endorsements: readJsonVector(`tdx/collateral/${collateral}.json`) as Collateral,
    nowMs: Date.parse(at),
    trustRoots: [],
  };
}

/** The negative corpus, minted here: it needs no recorded evidence. */
export async function mintedInputs(): Promise<(PlatformInputJson & { readonly fails?: string })[]> {
  const inputs: (PlatformInputJson & { readonly fails?: string })[] = [];
  for (const { family, cases } of platformFamilies) {
    for (const each of cases) {
      const { simulator, quote } = await mintPlatform(each);
      const { fails, tcb, allow, remembered } = each;
      const numbers = Object.entries(scopedNumbers(simulator, remembered ?? {})).map(([key, number]) => [key, number.toString()] as const);
      inputs.push({
        name: `${family}: ${each.name}`,
        quote: toHex(quote),
        endorsements: simulator.collateral,
        ...(tcb && { tcb }),
        ...(allow && { allow }),
        nowMs: each.atMs ?? NOW_MS,
        trustRoots: [toHex(simulator.rootDer)],
        ...(remembered && { remembered: Object.fromEntries(numbers) }),
        ...(fails && { fails }),
      });
    }
  }
  return inputs;
}
