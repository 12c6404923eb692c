import { createECDH } from "node:crypto";
import type { Collateral, GpuEndorsements } from "../../packages/attestation/src/index.ts";
import { addressOf, createReportData, parseHex, toBase64, toHex } from "../../packages/protocol/src/index.ts";
import { createSimulator, type SimulatorOptions } from "../../packages/simulator/src/index.ts";
import { readJsonVector, readVector } from "../support/vectors.ts";
import { readVeniceOpinion } from "../support/venice-capture.ts";

/** One appraisal with everything it needs, as JSON: what a page is given. */
export interface AppraisalCase {
  readonly name: string;
  /** The body of an attestation answer. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** Collateral that does not come with the answer. */
  readonly endorsements?: Collateral;
  /** NVIDIA's second opinion, which never comes with an answer. */
  readonly nras?: GpuEndorsements["nras"];
  /** A policy file's contents. */
  readonly policy: unknown;
  /** The nonce that was sent, hex. */
  readonly nonce: string;
  readonly nowMs: number;
  /** Roots beside Intel's, DER in hex. */
  readonly trustRoots: readonly string[];
}

const NOW_MS = Date.parse("2026-11-20T12:00:00Z");
const DAY_MS = 86_400_000;
const CAPTURE = "venice-2026-04-24";
const ANY_BUILD = { version: 1, measurements: "any" };
/** What a simulated machine with GPUs has to show of them. */
const GPU_CHECKS = [
  "gpu.nonce",
  "gpu.cert-chain",
  "gpu.report-signature",
  "gpu.fwid",
  "gpu.measurements",
  "gpu.debug-off",
  "gpu.revocation",
];

/** The recorded answer of a live enclave, its event log and eight GPUs' evidence included, and Intel's collateral of that hour. */
export function capturedCase(): AppraisalCase {
  const { nonce_hex: nonce, captured_at: at } = readJsonVector(`${CAPTURE}/manifest.json`) as Record<string, string>;
  const [tcbInfo, qeIdentity, pckCrl] = [
    "0002_api.trustedservices.intel.com_tdx_certification_v4_tcb",
    "0003_api.trustedservices.intel.com_tdx_certification_v4_qe_identity",
    "0004_api.trustedservices.intel.com_sgx_certification_v4_pckcrl",
  ].map(recordedAnswer);
  const rootCrl = readVector(`${CAPTURE}/0005_certificates.trustedservices.intel.com_intelsgxrootca.der.body`);
  if (!tcbInfo || !qeIdentity || !pckCrl || nonce === undefined || at === undefined) throw new Error("the capture is incomplete");
  return {
    name: "a recorded answer of a live enclave",
    answer: readJsonVector(`${CAPTURE}/0001_api.venice.ai_api_v1_tee_attestation.body`) as AppraisalCase["answer"],
    endorsements: {
      ...signedMember(tcbInfo, "tcbInfo", "tcb_info"),
      ...signedMember(qeIdentity, "enclaveIdentity", "qe_identity"),
      pck_crl: toHex(pckCrl.body),
      pck_crl_issuer_chain: pckCrl.issuerChain,
      root_ca_crl: toHex(rootCrl),
    } as unknown as Collateral,
    nras: readVeniceOpinion(),
    policy: { ...ANY_BUILD, gpu: { count: 8, archs: ["HOPPER"] }, require: ["gpu.fwid", "gpu.nras"] },
    nonce,
    nowMs: Date.parse(at),
    trustRoots: [],
  };
}

interface RecordedAnswer {
  readonly body: Uint8Array;
  readonly issuerChain: string;
}

function recordedAnswer(name: string): RecordedAnswer {
  const { headers } = readJsonVector(`${CAPTURE}/${name}.json`) as { headers: Record<string, readonly string[]> };
  const [, [chain = ""] = []] = Object.entries(headers).find(([header]) => /issuer-chain$/i.test(header)) ?? [];
  return { body: readVector(`${CAPTURE}/${name}.body`), issuerChain: decodeURIComponent(chain) };
}

/** The signature is over the member's exact text. */
function signedMember({ body, issuerChain }: RecordedAnswer, member: string, name: string): Record<string, string> {
  const text = new TextDecoder().decode(body);
  const [, signed = "", signature = ""] = new RegExp(`^\\{"${member}":(.*),"signature":"([0-9a-fA-F]+)"\\}\\s*$`, "s").exec(text) ?? [];
  return { [name]: signed, [`${name}_signature`]: signature, [`${name}_issuer_chain`]: issuerChain };
}

type Mint = Omit<SimulatorOptions, "nowMs" | "seed"> & {
  readonly atMs?: number;
  /** Leaves the simulator's root unnamed. */
  readonly unnamed?: boolean;
  readonly edit?: (answer: Record<string, unknown>, collateral: Record<string, string>) => void;
};

const mints: Readonly<Record<string, Mint>> = {
  "a sound answer": {},
  "an unnamed root": { unnamed: true },
  debug: { debug: true },
  "a foreign root": { faults: { foreignRoot: true } },
  "a foreign PCK": { faults: { foreignPck: true } },
  "a foreign attestation key": { faults: { foreignAttestationKey: true } },
  "a foreign quote signer": { faults: { foreignQuoteSigner: true } },
  "a quoting enclave of another signer": { faults: { qeMrSigner: "ab".repeat(32) } },
  "a quoting enclave under debug": { faults: { qeDebug: true } },
  "an expired PCK": { faults: { expiredCertificate: "pck" } },
  "an expired TCB signer": { faults: { expiredCertificate: "tcb-signing" } },
  "another MRTD": { faults: { measurements: { mrtd: "11".repeat(48) } } },
  "collateral past its time": { atMs: NOW_MS + 31 * DAY_MS },
  "a clock at 1970": { atMs: 0 },
  "a truncated quote": { faults: { quoteBytes: (quote) => quote.subarray(0, 1200) } },
  "bytes behind the quote": { faults: { quoteBytes: (quote) => Uint8Array.of(...quote, 0, 1) } },
  "a compose document that was edited": {
    edit: (answer) => {
      const info = answer["info"] as { tcb_info: { app_compose: string } };
      info.tcb_info.app_compose += " ";
    },
  },
  "an event left out": { edit: (answer) => (answer["event_log"] as unknown[]).pop() },
  "no collateral": { edit: (answer) => delete answer["endorsements"] },
  "an empty revocation list": { edit: (_, collateral) => (collateral["pck_crl"] = "") },
  "revocation lists swapped": {
    edit: (_, collateral) => {
      [collateral["pck_crl"], collateral["root_ca_crl"]] = [collateral["root_ca_crl"] ?? "", collateral["pck_crl"] ?? ""];
    },
  },
  "a sound answer with two GPUs": { gpus: { count: 2 } },
  "a Blackwell": { gpus: { arch: "BLACKWELL" } },
  "two GPUs of an unnamed root": { gpus: { count: 2 }, faults: { foreignGpuRoots: ["device-root"] } },
  "one GPU twice": { gpus: {}, faults: { gpuEvidenceList: (list) => [...list, ...list] } },
  "a GPU that answers another nonce": { gpus: {}, faults: { gpuEvidence: { nonce: () => new Uint8Array(32) } } },
  "a GPU whose report another key signed": { gpus: {}, faults: { gpuEvidence: { foreignSigner: true } } },
  "a GPU of other firmware": { gpus: {}, faults: { gpuEvidence: { fwid: "ab".repeat(48) } } },
  "a GPU that measures otherwise": { gpus: {}, faults: { gpuEvidence: { measurements: { 9: "ab".repeat(48) } } } },
  "a manifest that was changed": { gpus: {}, faults: { vbiosRim: { text: (xml) => xml.replace('active="True"', 'active="False"') } } },
  "a manifest that a stranger signed": { gpus: {}, faults: { driverRim: { signer: "stranger" } } },
  "a GPU that was revoked": { gpus: {}, faults: { ocsp: { device: { status: "revoked" } } } },
  "TCB info with one character changed": {
    edit: (_, collateral) => (collateral["tcb_info"] = (collateral["tcb_info"] ?? "").replace("UpToDate", "upToDate")),
  },
};

/** Answers that a software TEE mints here, sound and broken: they need no recorded evidence. */
export function mintedCases(): Promise<AppraisalCase[]> {
  return Promise.all(Object.entries(mints).map(([name, mint]) => mintCase(name, mint)));
}

async function mintCase(name: string, { atMs = NOW_MS, unnamed = false, edit, ...options }: Mint): Promise<AppraisalCase> {
  const simulator = createSimulator({ nowMs: NOW_MS, seed: "browser", ...options });
  const ecdh = createECDH("secp256k1");
  ecdh.setPrivateKey("0b".repeat(32), "hex");
  const key = new Uint8Array(ecdh.getPublicKey());
  const nonce = "c7".repeat(32);
  const reportData = createReportData(addressOf(key), parseHex(nonce, 32) ?? new Uint8Array());
  const { eventLog, info } = await simulator.describe();
  const collateral = await simulator.endorsements();
  const answer: Record<string, unknown> = structuredClone({
    nonce,
    verified: true,
    intel_quote: toHex(await simulator.quote(reportData)),
    signing_key: toHex(key),
    signing_address: `0x${toHex(addressOf(key))}`,
    event_log: eventLog,
    info,
    endorsements: collateral,
  });
  const { gpus } = simulator;
  if (gpus) {
    answer["nvidia_payload"] = await gpus.payload(parseHex(nonce, 32) ?? new Uint8Array());
    answer["gpu_endorsements"] = { rims: gpus.rims, ocsp: (await gpus.ocsp()).map(toBase64) };
  }
  edit?.(answer, answer["endorsements"] as Record<string, string>);
  return {
    name: `${name} (SIMULATED)`,
    answer,
    policy: { ...createSimulator({ nowMs: NOW_MS, seed: "browser" }).policy("browser"), ...(gpus && { require: GPU_CHECKS }) },
    nonce,
    nowMs: atMs,
    trustRoots: unnamed ? [] : [simulator.rootDer, ...(gpus ? [gpus.deviceRootDer, gpus.rimRootDer] : [])].map(toHex),
  };
}
