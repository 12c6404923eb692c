import type { GpuClaim } from "../nvidia/gpu-claim.ts";
import { referencesOf } from "../policy/contradictions.ts";
import type { Build } from "../policy/policy.ts";
import type { Reader } from "../report/readers.ts";
import type { Sealing } from "../report/sealing.ts";
import { quoteName, quoteWords, say, statementText } from "../report/statement.ts";
import type { CheckId, Finding } from "../result.ts";
import type { ProvenCompose } from "./appraise-dstack.ts";
import { containersThatCouldRead } from "./could-read-containers.ts";
import type { KeyProvider } from "./key-provider.ts";
import type { RuntimeCompose } from "./runtime-compose.ts";

export interface CouldReadInput {
  /** What is sealed of a request to this enclave. */
  readonly sealing: Sealing;
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

/** {@link nameReaders}, as plain sentences. */
export function whoCouldRead(input: CouldReadInput): readonly string[] {
  return nameReaders(input).map(statementText);
}

/**
 * Names who could still read a prompt, or change what reads it, the widest circle first, from what was and was not proven.
 * What evidence says stands quoted. Never empty: at least what runs in the enclave reads the prompt.
 * @see spec/verification.md, "Who could still read"
 */
export function nameReaders(input: CouldReadInput): readonly Reader[] {
  const { findings, simulated, debug } = input;
  const doubt = firstNotPassed(findings, ORIGIN);
  return [
    ...(doubt
      ? [say("anyone")`Anyone: nothing proves that an enclave answered this request with its own key (${doubt.id} did not pass).`]
      : []),
    ...(simulated
      ? [say("simulator-host")`Whoever runs the simulator's host: the evidence is SIMULATED, and no hardware protects the enclave from it.`]
      : []),
    ...clearReaders(input),
    ...(doubt
      ? []
      : [
          ...(debug ? [say("debug-host")`The machine's host: the TD is in debug mode, so the host can read and change its memory.`] : []),
          ...platformReaders(findings),
          ...buildReaders(input),
        ]),
    ...relayReaders(input),
    ...(doubt ? [] : [...insideReaders(input), gpuReader(findings), ...switchReaders(input)]),
  ];
}

/** Whoever reads a request that is not sealed. */
function clearReaders({ sealing, compose }: CouldReadInput): readonly Reader[] {
  if (sealing !== "none") return [];
  const inner = compose?.gateway ? " and dstack's gateway, which ends TLS for the app," : "";
  return [
    say("gateway")`The gateway${inner} and whoever runs it: without end-to-end encryption each request passes through it in the clear.`,
  ];
}

/** What a relay can make of sealed messages though it cannot open them. @see spec/protocol.md, "What version 1 does not promise" */
function relayReaders({ sealing }: CouldReadInput): readonly Reader[] {
  if (sealing !== "messages") return [];
  return [
    say(
      "active-gateway",
    )`An active gateway, and whoever else relays: version 1 of the protocol ties no sealed message to its request, so a relay can copy one into a call of its own, or swap the key that the answer is sealed to, and read it. Requests that are sealed whole (protocol: 2) rule that out.`,
  ];
}

function platformReaders(findings: readonly Finding[]): readonly Reader[] {
  const platform = firstNotPassed(findings, PLATFORM);
  const state = firstNotPassed(findings, TD_STATE);
  return [
    ...(platform
      ? [
          say(
            "platform-breaker",
          )`Whoever can break into an outdated or withdrawn platform: nothing proves that this one is current and in good standing (${platform.id} did not pass).`,
        ]
      : []),
    ...(state
      ? [
          say(
            "td-operator",
          )`The machine's operator, as far as the TD lets it in: how the TD was set up is not proven (${state.id} did not pass).`,
        ]
      : []),
  ];
}

/** Who chose what runs, unless the policy did. */
function buildReaders({ findings, build, pinned, debug }: CouldReadInput): readonly Reader[] {
  if (pinned) return imagesReaders(build);
  if (debug) return [];
  const open = build ? findings.filter(({ id, status }) => status !== "pass" && referencesOf(build).includes(id)) : [];
  const failed = open.find(({ status }) => status === "fail");
  if (failed && build) {
    return [
      say(
        "other-build",
      )`Whoever chose what runs in the enclave: it was compared with build ${quoteWords(build.name)}, the nearest in your policy, and is not that (${failed.id} failed), so it may be a program that keeps what it reads.`,
    ];
  }
  if (open[0] && build) {
    return [
      say(
        "half-compared-build",
      )`Whoever chose what runs in the enclave: not all of it could be compared with build ${quoteWords(build.name)} of your policy (${open[0].id} was not made).`,
    ];
  }
  return [
    say(
      "any-program",
    )`Anyone who can rent a TDX machine: no measurement is pinned, so the enclave may run a program that keeps what it reads.`,
  ];
}

/** Images pin programs, not what they are told to do: any image with a shell in it runs what its command says. */
function imagesReaders(build: Build | undefined): readonly Reader[] {
  if (build?.images === undefined || build.compose_hash !== undefined) return [];
  return [
    say(
      "images-alone",
    )`Anyone who can rent a TDX machine and start the images of build ${quoteWords(build.name)} with commands, mounts and environment of their own: the policy pins the images alone, not the compose document (compose_hash).`,
  ];
}

function insideReaders(input: CouldReadInput): readonly Reader[] {
  const { compose, findings } = input;
  return [
    ...(compose
      ? containersThatCouldRead(compose, input.runtime)
      : [
          say(
            "unknown-programs",
          )`Whatever the enclave runs: its compose document is not proven or not readable, so which programs see the prompt is not known.`,
        ]),
    ...keyReaders(input),
    ...(findings.some(({ id, status }) => id === "key.exclusive" && status === "pass")
      ? []
      : [
          say(
            "key-holder",
          )`Whatever else holds the enclave's key: nothing proves that it was made inside and stays there (key.exclusive did not pass).`,
        ]),
  ];
}

/** The prompt is read on the GPU where there is one, and none of it is bound to the TD by more than the enclave's word. */
function gpuReader(findings: readonly Finding[]): Reader {
  const passes = (id: CheckId) => findings.some((finding) => finding.id === id && finding.status === "pass");
  const origin = firstNotPassed(findings, GPU_ORIGIN);
  if (origin)
    return say(
      "gpu-holder",
    )`The machine's host, if the model runs on a GPU: nothing proves that there is a confidential one (${origin.id} did not pass).`;
  const state = firstNotPassed(findings, GPU_STATE);
  const firmware = state ? `, nor is their firmware proven to be what NVIDIA released (${state.id} did not pass)` : "";
  if (!passes("gpu.named-by-enclave"))
    return say(
      "gpu-holder",
    )`Whoever has the GPU that the model really runs on: any genuine GPUs sign any nonce, so these may be another machine's${firmware}.`;
  return say(
    "gpu-holder",
  )`Whoever has the GPU that the model really runs on: that it is one of the genuine GPUs shown is the enclave's word${firmware}.`;
}

/** In this mode the switches between GPUs see what the GPUs send each other. */
function switchReaders({ findings, gpus }: CouldReadInput): readonly Reader[] {
  const plain = gpus?.claims.gpus?.some(({ mode }) => mode === "PPCIE") === true;
  const open = plain && firstNotPassed(findings, ["gpu.switches"]);
  if (!open) return [];
  return [
    say(
      "gpu-switches",
    )`Whoever has the switches between the GPUs: in PPCIE mode what GPUs send each other passes through them in the clear, and nothing proves whose they are (gpu.switches did not pass).`,
  ];
}

function keyReaders({ compose, keyProvider }: CouldReadInput): readonly Reader[] {
  const reader = say("key-service");
  if (keyProvider?.name === "kms" || (!keyProvider && compose?.kms)) {
    const end = keyProvider?.id ? quoteName(keyProvider.id.slice(-16)) : undefined;
    const which = end ? [" (its key ends in ", end, ")"] : [];
    return [
      reader`Whoever governs the key management service${which} or may upgrade the app: it derives the app's keys, and can give the same keys to another build.`,
    ];
  }
  if (keyProvider?.name === "local-sgx")
    return [reader`Whoever can break the SGX enclave on the same machine that hands out the app's keys.`];
  if (keyProvider?.name === "tpm") return [reader`The machine's operator, who provides the TPM that the app's keys come from.`];
  if (keyProvider && keyProvider.name !== "none")
    return [reader`Whoever runs the app's key provider, ${quoteName(keyProvider.name)}: what it does is not known.`];
  return [];
}

function firstNotPassed(findings: readonly Finding[], ids: readonly CheckId[]): Finding | undefined {
  return findings.find(({ id, status }) => ids.includes(id) && status !== "pass");
}
