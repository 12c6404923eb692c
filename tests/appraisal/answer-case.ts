import { createECDH, createHash } from "node:crypto";
import { backend } from "@bauta/protocol/backend";
import { appraise } from "../../packages/attestation/src/appraise.ts";
import { type Policy, parsePolicy } from "../../packages/attestation/src/policy/policy.ts";
import type { AttestationResult, CheckId } from "../../packages/attestation/src/result.ts";
import { type AppraisalInput, type GpuEndorsements, parseAttestationAnswer } from "../../packages/attestation/src/index.ts";
import { signKeysStatement } from "../../packages/protocol/src/enclave.ts";
import {
  addressOf,
  canonicalJson,
  createReportData,
  type KeysStatement,
  parseHex,
  toBase64,
  toHex,
} from "../../packages/protocol/src/index.ts";
import {
  createSimulator,
  type SimulatedGpus,
  type Simulator,
  type SimulatorFaults,
  type SimulatorOptions,
  type SimulatorPolicy,
  type TdOptions,
} from "../../packages/simulator/src/index.ts";
import { NOW_MS } from "./platform-case.ts";

export const MODEL = "e2ee-minted";
/** The nonce of the client's own request. */
const NONCE = "c7".repeat(32);
/** A private key of secp256k1 for enclaves whose answers are public. */
export const ENCLAVE_SECRET = Buffer.alloc(32, 0x0b);
const ACTIONS = [
  { action: "compose_up", file: "model.yml", file_sha256: "ab".repeat(32), services: ["engine"], timestamp: "2026-11-20T11:00:00Z" },
];

type Json = Record<string, unknown>;

/** What a compose manager serves, and what its own quote binds. */
export interface ManagerChanges {
  /** The actions that are served. */
  readonly actions?: readonly object[];
  /** REPORTDATA of its quote, 64 bytes, instead of the hash of the actions and the nonce. */
  readonly reportData?: (reportData: Buffer) => Uint8Array;
  /** Another TD on the same machine made its quote. */
  readonly td?: TdOptions;
  /** Another machine under a root of its own made its quote. */
  readonly stranger?: true;
  readonly members?: Json;
}

/** What is served or known about the GPUs of a machine that the simulator gave some. */
export interface GpuChanges {
  /** Evidence that was made elsewhere, and its root. */
  readonly evidence?: (nonce: Uint8Array) => Promise<{ readonly payload: string; readonly rootDer: Uint8Array }>;
  /** Rewrites what the answer brings along. */
  readonly endorsements?: (own: GpuEndorsements) => GpuEndorsements;
  /** NVIDIA's service was asked, and gave this nonce's opinion. */
  readonly opinion?: "this nonce" | "another nonce";
  /** Roots that the caller did not name. */
  readonly unnamed?: readonly ("device" | "rim" | "nras")[];
}

/** One attestation answer as an enclave on the simulator gives it, and what a verifier has to find. */
export interface AnswerCase {
  readonly name: string;
  /** The check that has to fail; neither this nor `unmet` for a positive control, whose result has to be ok. */
  readonly fails?: CheckId;
  /** Checks that have to fail too, since they rest on the same piece. */
  readonly alsoFails?: readonly CheckId[];
  /** The policy allows what fails by its name: the result is ok all the same. */
  readonly allowed?: true;
  /** The check that is required and cannot be made: nothing fails, and the result is not ok for want of it alone. */
  readonly unmet?: CheckId;
  /** Checks that cannot be made for the same want. */
  readonly alsoUnmet?: readonly CheckId[];
  readonly simulator?: Omit<SimulatorOptions, "nowMs" | "faults" | "seed">;
  readonly faults?: SimulatorFaults | undefined;
  /** Edits the answer's JSON: what a gateway may do. */
  readonly answer?: (answer: Json) => Json;
  /** Edits the policy file, which pins the build without its faults. */
  readonly policy?: (policy: SimulatorPolicy & { readonly builds: readonly Json[] }) => object;
  /** Members of the keys statement; null leaves the statement out. */
  readonly keys?: Partial<KeysStatement> | null;
  /** A compose manager's attestation beside the enclave's. */
  readonly manager?: ManagerChanges;
  readonly gpu?: GpuChanges;
  readonly input?: Partial<AppraisalInput>;
}

/** A family of cases: what they break, in a word. */
export interface AnswerFamily {
  readonly family: string;
  readonly cases: readonly AnswerCase[];
}

/** Mints the answer and appraises it. */
export async function appraiseAnswer(each: AnswerCase): Promise<AttestationResult> {
  const options = { nowMs: NOW_MS, seed: "the negative corpus", ...each.simulator };
  const simulator = createSimulator({ ...options, faults: each.faults });
  const minted = simulator.gpus && (await mintGpus(simulator.gpus, each));
  const answer = await mintAnswer(simulator, each, minted?.members["nvidia_payload"]);
  const served = JSON.parse(
    JSON.stringify(each.answer?.({ ...answer, ...minted?.members }) ?? { ...answer, ...minted?.members }),
  ) as unknown;
  const evidence = parseAttestationAnswer(served);
  return appraise({
    evidence,
    endorsements: evidence.endorsements,
    gpuEndorsements: evidence.gpuEndorsements && { ...evidence.gpuEndorsements, ...(minted?.nras && { nras: minted.nras }) },
    policy: policyOf(createSimulator(options), each),
    nonce: { query: NONCE, sealed: true },
    model: MODEL,
    nowMs: NOW_MS,
    trustRoots: [simulator.rootDer, ...(minted?.roots ?? [])],
    backend,
    ...each.input,
  });
}

function policyOf(clean: Simulator, { policy }: AnswerCase): Policy {
  const pinned = clean.policy("pinned");
  return parsePolicy(policy ? policy({ ...pinned, builds: pinned.builds.map((build) => ({ ...build })) }) : pinned);
}

interface MintedGpus {
  /** Members of the answer. */
  readonly members: { readonly nvidia_payload: string; readonly gpu_endorsements: Json };
  readonly roots: readonly Uint8Array[];
  readonly nras?: GpuEndorsements["nras"];
}

async function mintGpus(gpus: SimulatedGpus, { gpu = {} }: AnswerCase): Promise<MintedGpus> {
  const nonce = parseHex(NONCE, 32) ?? new Uint8Array();
  const elsewhere = await gpu.evidence?.(nonce);
  const own = { rims: gpus.rims, ocsp: await gpus.ocsp() };
  const { rims, ocsp } = gpu.endorsements?.(own) ?? own;
  const roots = { device: gpus.deviceRootDer, rim: gpus.rimRootDer, nras: gpus.nrasRootDer };
  return {
    members: {
      nvidia_payload: elsewhere?.payload ?? (await gpus.payload(nonce)),
      gpu_endorsements: { rims, ocsp: ocsp.map(toBase64) },
    },
    roots: [
      ...(["device", "rim", "nras"] as const).filter((name) => !gpu.unnamed?.includes(name)).map((name) => roots[name]),
      ...(elsewhere ? [elsewhere.rootDer] : []),
    ],
    ...(gpu.opinion && { nras: await opinionOf(gpus, gpu.opinion === "this nonce" ? nonce : new Uint8Array(32)) }),
  };
}

async function opinionOf(gpus: SimulatedGpus, nonce: Uint8Array): Promise<NonNullable<GpuEndorsements["nras"]>> {
  const { answer, jwks } = await gpus.nras(nonce);
  return { token: answer, jwks };
}

async function mintAnswer(simulator: Simulator, each: AnswerCase, gpuEvidence: string | undefined): Promise<Json> {
  const key = publicKeyOf(ENCLAVE_SECRET);
  const address = addressOf(key);
  const nonce = parseHex(NONCE, 32) ?? new Uint8Array();
  const { eventLog, info } = await simulator.describe();
  return {
    nonce: NONCE,
    model: MODEL,
    verified: true,
    tee_provider: simulator.teeProvider,
    tee_hardware: simulator.teeHardware,
    intel_quote: toHex(await simulator.quote(createReportData(address, nonce))),
    signing_key: toHex(key),
    signing_address: `0x${toHex(address)}`,
    event_log: eventLog,
    info,
    endorsements: await simulator.endorsements(),
    ...(each.keys !== null && signStatement(ENCLAVE_SECRET, { gpu_evidence_sha256: sha256Hex(gpuEvidence), ...each.keys })),
    ...(each.manager && { compose_manager_attestation: await mintManager(simulator, each.manager, nonce) }),
  };
}

/** A keys statement as an enclave makes it, signed by this key. */
export function signStatement(secret: Uint8Array, changes: Partial<KeysStatement> = {}): { keys: string; keys_signature: string } {
  const { keys, signature } = signKeysStatement(backend, secret, {
    nonce: NONCE,
    model: MODEL,
    versions: ["1"],
    key_origin: "boot",
    hpke_key_config: null,
    gpu_evidence_sha256: null,
    weights: [{ name: "model.gguf", sha256: "cd".repeat(32) }],
    engine: { name: "minted", image_digest: null },
    not_after: NOW_MS / 1000 + 3600,
    ...changes,
  });
  return { keys, keys_signature: signature };
}

async function mintManager(enclave: Simulator, changes: ManagerChanges, nonce: Uint8Array): Promise<Json> {
  const td = changes.td ? enclave.launch(changes.td) : enclave;
  const machine = changes.stranger ? createSimulator({ nowMs: NOW_MS, seed: "the negative corpus" }) : td;
  const bound = Buffer.concat([createHash("sha256").update(canonicalJson(ACTIONS)).digest(), nonce]);
  const quote = await machine.quote(changes.reportData?.(bound) ?? bound);
  return { quote: toHex(quote), actions: changes.actions ?? ACTIONS, ...changes.members };
}

function sha256Hex(text: string | undefined): string | null {
  return text === undefined ? null : createHash("sha256").update(text).digest("hex");
}

export function publicKeyOf(secret: Uint8Array): Uint8Array<ArrayBuffer> {
  const ecdh = createECDH("secp256k1");
  ecdh.setPrivateKey(secret);
  return new Uint8Array(ecdh.getPublicKey());
}
