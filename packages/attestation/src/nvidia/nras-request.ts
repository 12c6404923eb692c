import { toBase64, toHex, utf8 } from "@bauta/protocol";
import { CollateralError } from "../collateral/collateral-error.ts";
import type { DeviceEvidence } from "./gpu-evidence.ts";
import { parseToken, TokenError } from "./json-web-token.ts";
import { parseNrasAnswer } from "./nras-answer.ts";
import { findNrasKey } from "./nras-key-set.ts";

/** Version of NRAS's attestation call. */
export type NrasVersion = "v3" | "v4";

/** Evidence that NRAS is sent. */
export interface NrasRequest {
  readonly gpus: readonly DeviceEvidence[];
  /** What the GPUs signed. */
  readonly nonce: Uint8Array;
}

/**
 * What is posted to NRAS, to be written as JSON.
 * @throws CollateralError (`collateral_settings`) for no GPUs, or GPUs of several architectures
 * @see NVIDIA Remote Attestation Service, "Attest GPU V3", "Attest GPU V4"
 */
export function nrasBody({ gpus, nonce }: NrasRequest, version: NrasVersion): object {
  const [arch, ...others] = new Set(gpus.map((gpu) => gpu.arch ?? "HOPPER"));
  if (arch === undefined || others.length > 0) {
    throw new CollateralError("collateral_settings", "nras", "takes one or more GPUs, all of one architecture");
  }
  const list = gpus.map(({ report, certificateChain }) => ({
    evidence: toBase64(report),
    certificate: toBase64(utf8(certificateChain)),
    arch,
  }));
  return { nonce: toHex(nonce), arch, ...(version === "v4" && { claims_version: "3.0" }), evidence_list: list };
}

/** The keys that an answer's tokens name; none where it cannot be read, which the appraisal will say. */
export function keyIdsOf(answer: unknown): readonly string[] {
  try {
    const { overall, modules } = parseNrasAnswer(answer);
    return [...new Set([overall, ...modules.values()].map((token) => parseToken(token, "token").keyId))];
  } catch (error) {
    if (error instanceof TokenError) return [];
    throw error;
  }
}

/** Whether a key set has all of these keys. */
export function hasKeys(keySet: unknown, keyIds: readonly string[]): boolean {
  try {
    for (const keyId of keyIds) findNrasKey(keySet, keyId);
    return true;
  } catch (error) {
    if (error instanceof TokenError) return false;
    throw error;
  }
}
