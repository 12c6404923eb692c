import { addressOf, bindNonce, createReportData, SIGNING_ALGORITHM, toHex } from "@bauta/protocol";
import type { Simulator } from "@bauta/simulator";
import type { JsonObject } from "./relayed-answer.ts";

/** What an attestation answer is to say. */
export interface EvidenceClaims {
  readonly machine: Simulator;
  readonly model: string;
  readonly nonce: string;
  /** 65 bytes. */
  readonly publicKey: Uint8Array;
  /** Another REPORTDATA than the one that key and nonce imply. */
  readonly reportData?: Uint8Array;
}

/** A whole attestation answer over any key, by whatever machine: what a lying provider serves instead of the enclave's. */
export async function mintEvidence({ machine, model, nonce, publicKey, reportData }: EvidenceClaims): Promise<JsonObject> {
  const address = addressOf(publicKey);
  const quote = await machine.quote(reportData ?? createReportData(address, nonceBytes(nonce)));
  const { eventLog, info } = await machine.describe();
  const key = toHex(publicKey);
  return {
    verified: true,
    nonce,
    nonce_source: "client",
    request_nonce: nonce,
    model,
    tee_provider: machine.teeProvider,
    tee_hardware: machine.teeHardware,
    intel_quote: Buffer.from(quote).toString("base64"),
    signing_key: key,
    signing_public_key: key,
    signing_address: `0x${toHex(address)}`,
    signing_algo: SIGNING_ALGORITHM,
    event_log: eventLog,
    info,
    endorsements: await machine.endorsements(),
    server_verification: {
      tdx: { valid: true, signatureValid: true, certificateChainValid: true, rootCaPinned: true, attestationKeyMatch: true },
    },
  };
}

/** The 32 bytes that the nonce of a sealed model stands for. @throws RangeError when it is not one */
export function nonceBytes(nonce: string): Uint8Array {
  const bound = bindNonce(nonce, true);
  if (!bound) throw new RangeError("the client's nonce is not 64 hex digits: the suite's cases need one");
  return bound.bytes;
}
