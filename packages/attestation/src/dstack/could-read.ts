import type { GpuClaim } from "../nvidia/gpu-claim.ts";
import type { Build } from "../policy/policy.ts";
import type { CheckId, Finding } from "../result.ts";
import type { ProvenCompose } from "./appraise-dstack.ts";
import { containersThatCouldRead } from "./could-read-containers.ts";
import type { KeyProvider } from "./key-provider.ts";
import { printable } from "./printable.ts";
import type { RuntimeCompose } from "./runtime-compose.ts";

export interface CouldReadInput {
  /** True for `e2ee-*` models: the client encrypts to the enclave's key itself. */
  readonly sealed: boolean;
  readonly findings: readonly Finding[];
  /** The measured compose document, where it is proven and readable. */
  readonly compose?: ProvenCompose | undefined;
  readonly keyProvider?: KeyProvider | undefined;
  /** What a compose manager says it started. */
  readonly runtime?: RuntimeCompose | undefined;
  /** The build that the enclave was compared with. */
  readonly build?: Build | undefined;
  /** The GPUs that are proven. */
  readonly gpus?: { readonly claims: { readonly gpus?: readonly Pick<GpuClaim, "mode">[] } } | undefined;
  readonly simulated: boolean;
  readonly debug: boolean;
  readonly pinned: boolean;
}

/** Until these have passed, nothing says that the key is an enclave's. */
const ORIGIN: readonly CheckId[] = [
  "tdx.parse",
  "tdx.quote-signature",
  "tdx.attestation-key-bound",
  "tdx.qe-report-signature",
  "tdx.pck-chain",
  "tdx.qe-identity-match",
  "nonce.bound",
  "key.address-derived",
  "key.bound-to-report-data",
];
const PLATFORM: readonly CheckId[] = [
  "tdx.pck-crl",
  "tdx.root-crl",
  "tdx.tcb-info-signature",
  "tdx.qe-identity-signature",
  "tdx.collateral-current",
  "tdx.tcb-status",
  "tdx.module-identity",
];
/** Until these have passed, no GPU is known to be NVIDIA's and to have answered this client. */
const GPU_ORIGIN: readonly CheckId[] = ["gpu.present", "gpu.nonce", "gpu.cert-chain", "gpu.report-signature"];
/** What its firmware and mode of work are known by. */
const GPU_STATE: readonly CheckId[] = [
  "gpu.fwid",
  "gpu.rim-driver",
  "gpu.rim-vbios",
  "gpu.measurements",
  "gpu.debug-off",
  "gpu.revocation",
];
const TD_STATE: readonly CheckId[] = ["td.attributes", "td.xfam", "td.service-td", "td.seam-signer"];

/**
 * Says who could still read a prompt, one plain sentence each and the widest circle first, from what was and was not proven.
 * Names from evidence are cut and made printable. Never empty: at least what runs in the enclave reads the prompt.
 * @see spec/verification.md, "Who could still read"
 */
export function whoCouldRead(input: CouldReadInput): readonly string[] {
  const { findings, sealed, simulated, debug, pinned } = input;
  const doubt = firstNotPassed(findings, ORIGIN);
  return [
    ...(doubt ? [`Anyone: nothing proves that an enclave answered this request with its own key (${doubt.id} did not pass).`] : []),
    ...(simulated ? ["Whoever runs the simulator's host: the evidence is SIMULATED, and no hardware protects the enclave from it."] : []),
    ...(sealed ? [] : [gatewaySentence(input.compose)]),
    ...(doubt
      ? []
      : [
          ...(debug ? ["The machine's host: the TD is in debug mode, so the host can read and change its memory."] : []),
          ...platformSentences(findings),
        ]),
    ...(pinned || debug || doubt
      ? []
      : ["Anyone who can rent a TDX machine: no measurement is pinned, so the enclave may run a program that keeps what it reads."]),
    ...(pinned && !doubt ? imagesSentences(input.build) : []),
    ...(doubt ? [] : [...insideSentences(input), gpuSentence(findings), ...switchSentences(input)]),
  ];
}

function gatewaySentence(compose: ProvenCompose | undefined): string {
  const inner = compose?.gateway ? " and dstack's gateway, which ends TLS for the app," : "";
  return `The gateway${inner} and whoever runs it: without end-to-end encryption each request passes through it in the clear.`;
}

function platformSentences(findings: readonly Finding[]): readonly string[] {
  const platform = firstNotPassed(findings, PLATFORM);
  const state = firstNotPassed(findings, TD_STATE);
  return [
    ...(platform
      ? [
          `Whoever can break into an outdated or withdrawn platform: nothing proves that this one is current and in good standing (${platform.id} did not pass).`,
        ]
      : []),
    ...(state
      ? [`The machine's operator, as far as the TD lets it in: how the TD was set up is not proven (${state.id} did not pass).`]
      : []),
  ];
}

/** Images pin programs, not what they are told to do: any image with a shell in it runs what its command says. */
function imagesSentences(build: Build | undefined): readonly string[] {
  if (build?.images === undefined || build.compose_hash !== undefined) return [];
  return [
    `Anyone who can rent a TDX machine and start the images of build "${printable(build.name)}" with commands, mounts and environment of their own: the policy pins the images alone, not the compose document (compose_hash).`,
  ];
}

function insideSentences(input: CouldReadInput): readonly string[] {
  const { compose, findings } = input;
  return [
    ...(compose
      ? containersThatCouldRead(compose, input.runtime)
      : ["Whatever the enclave runs: its compose document is not proven or not readable, so which programs see the prompt is not known."]),
    ...keySentences(input),
    ...(findings.some(({ id, status }) => id === "key.exclusive" && status === "pass")
      ? []
      : ["Whatever else holds the enclave's key: nothing proves that it was made inside and stays there (key.exclusive did not pass)."]),
  ];
}

/** The prompt is read on the GPU where there is one, and none of it is bound to the TD by more than the enclave's word. */
function gpuSentence(findings: readonly Finding[]): string {
  const passes = (id: CheckId) => findings.some((finding) => finding.id === id && finding.status === "pass");
  const origin = firstNotPassed(findings, GPU_ORIGIN);
  if (origin)
    return `The machine's host, if the model runs on a GPU: nothing proves that there is a confidential one (${origin.id} did not pass).`;
  const state = firstNotPassed(findings, GPU_STATE);
  const firmware = state ? `, nor is their firmware proven to be what NVIDIA released (${state.id} did not pass)` : "";
  if (!passes("gpu.named-by-enclave"))
    return `Whoever has the GPU that the model really runs on: any genuine GPUs sign any nonce, so these may be another machine's${firmware}.`;
  return `Whoever has the GPU that the model really runs on: that it is one of the genuine GPUs shown is the enclave's word${firmware}.`;
}

/** In this mode the switches between GPUs see what the GPUs send each other. */
function switchSentences({ findings, gpus }: CouldReadInput): readonly string[] {
  const plain = gpus?.claims.gpus?.some(({ mode }) => mode === "PPCIE") === true;
  const open = plain && firstNotPassed(findings, ["gpu.switches"]);
  if (!open) return [];
  return [
    "Whoever has the switches between the GPUs: in PPCIE mode what GPUs send each other passes through them in the clear, and nothing proves whose they are (gpu.switches did not pass).",
  ];
}

function keySentences({ compose, keyProvider }: CouldReadInput): readonly string[] {
  if (keyProvider?.name === "kms" || (!keyProvider && compose?.kms)) {
    const which = keyProvider?.id ? ` (its key ends in ${printable(keyProvider.id.slice(-16))})` : "";
    return [
      `Whoever governs the key management service${which} or may upgrade the app: it derives the app's keys, and can give the same keys to another build.`,
    ];
  }
  if (keyProvider?.name === "local-sgx") return ["Whoever can break the SGX enclave on the same machine that hands out the app's keys."];
  if (keyProvider?.name === "tpm") return ["The machine's operator, who provides the TPM that the app's keys come from."];
  if (keyProvider && keyProvider.name !== "none")
    return [`Whoever runs the app's key provider, ${printable(keyProvider.name)}: what it does is not known.`];
  return [];
}

function firstNotPassed(findings: readonly Finding[], ids: readonly CheckId[]): Finding | undefined {
  return findings.find(({ id, status }) => ids.includes(id) && status !== "pass");
}
