import {
  appraise,
  type AppraisalInput,
  type AttestationResult,
  type CheckId,
  parseAttestationAnswer,
  parsePolicy,
} from "@bauta/attestation";
import { addressOf, createReportData, parseHex, toHex } from "@bauta/protocol";
import { createECDH, randomBytes } from "node:crypto";
import { createSimulator, type Simulator, type SimulatorOptions } from "../simulator.ts";

export const NOW_MS = Date.parse("2026-11-20T12:00:00Z");
export const DAY_MS = 86_400_000;

/** An answer of an enclave that runs on this simulator, and the request that it answers. */
export async function attest(simulator: Simulator): Promise<Pick<AppraisalInput, "evidence" | "nonce" | "endorsements">> {
  const ecdh = createECDH("secp256k1");
  const key = new Uint8Array(ecdh.generateKeys());
  const query = randomBytes(32).toString("hex");
  const quote = await simulator.quote(createReportData(addressOf(key), parseHex(query, 32) ?? new Uint8Array()));
  const { eventLog, info } = await simulator.describe();
  const answer = {
    nonce: query,
    verified: true,
    tee_provider: simulator.teeProvider,
    tee_hardware: simulator.teeHardware,
    intel_quote: toHex(quote),
    signing_key: toHex(key),
    signing_address: `0x${toHex(addressOf(key))}`,
    event_log: eventLog,
    info,
    endorsements: await simulator.endorsements(),
  };
  const evidence = parseAttestationAnswer(JSON.parse(JSON.stringify(answer)));
  return { evidence, nonce: { query, sealed: true }, endorsements: evidence.endorsements };
}

export interface Minted extends Omit<SimulatorOptions, "nowMs"> {
  readonly changes?: (simulator: Simulator) => Partial<AppraisalInput>;
}

/** Mints evidence and appraises it with the simulator's root named and the policy of a simulator without faults. */
export async function mintAndAppraise({ changes, ...options }: Minted = {}): Promise<AttestationResult> {
  const simulator = createSimulator({ nowMs: NOW_MS, seed: "tests", ...options });
  const policy = parsePolicy(createSimulator({ nowMs: NOW_MS }).policy("demo"));
  return appraise({ ...(await attest(simulator)), policy, nowMs: NOW_MS, trustRoots: [simulator.rootDer], ...changes?.(simulator) });
}

/** The checks that failed. */
export const failing = (result: AttestationResult): CheckId[] =>
  result.checks.filter((check) => check.status === "fail").map((check) => check.id);
