import { GPU_ARCHS } from "../nvidia/gpu-rules.ts";
import { CHECK_IDS, type CheckId } from "../result.ts";
import { ACCEPTABLE_TCB_STATUSES } from "./tcb-status.ts";

/** Builds that one policy may accept. */
const MAX_BUILDS = 256;
const MAX_TEXT_CHARACTERS = 1024;
const MAX_IMAGES = 256;
const MAX_ADVISORIES = 256;
/** GPUs of one machine; no evidence holds more. */
const MAX_GPUS = 8;
const REGISTER_HEX_DIGITS = 96;
const SHA256_HEX_DIGITS = 64;

/** What a value of a policy file may be. The parser and the JSON schema are both made from it. */
export type Shape =
  | { readonly kind: "object"; readonly members: Readonly<Record<string, Member>>; readonly oneOf?: readonly [string, string] }
  | { readonly kind: "list"; readonly of: Shape; readonly min: number; readonly max: number; readonly distinct: boolean }
  /** A text that is not empty. */
  | { readonly kind: "text"; readonly maxCharacters: number }
  /** Either case is read, lower case is kept. */
  | { readonly kind: "hex"; readonly digits: number }
  | { readonly kind: "date" }
  | { readonly kind: "pattern"; readonly pattern: string; readonly example: string }
  | {
      readonly kind: "choice";
      readonly what: string;
      readonly values: readonly string[];
      readonly refused: Readonly<Record<string, string>>;
    }
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  | { readonly kind: "flag" }
  | { readonly kind: "constant"; readonly value: string | number };

/** A member of an object: needed unless it is optional, or has a value that stands where it is left out. */
export interface Member {
  readonly shape: Shape;
  readonly about: string;
  readonly optional?: true;
  readonly fallback?: unknown;
}

const text: Shape = { kind: "text", maxCharacters: MAX_TEXT_CHARACTERS };
const date: Shape = { kind: "date" };
const register: Shape = { kind: "hex", digits: REGISTER_HEX_DIGITS };
const sha256: Shape = { kind: "hex", digits: SHA256_HEX_DIGITS };
const flag: Shape = { kind: "flag" };

const build: Shape = {
  kind: "object",
  oneOf: ["compose_hash", "images"],
  members: {
    name: { shape: text, about: "A label: results and errors call the build by it." },
    source: { shape: text, about: "A label: where the values come from, such as a release or a recorded capture." },
    date: { shape: date, about: "A label: when the values were taken." },
    expires: {
      shape: date,
      optional: true,
      about: "From this moment on the build no longer counts. A bare date ends it as that day begins, UTC.",
    },
    mrtd: { shape: register, about: "The TD's firmware, SHA-384." },
    rtmr0: { shape: register, about: "Firmware configuration, SHA-384." },
    rtmr1: { shape: register, about: "Kernel, SHA-384." },
    rtmr2: { shape: register, about: "Kernel command line and initrd, SHA-384." },
    rtmr3: { shape: register, optional: true, about: "Runtime events, SHA-384; on dstack they differ from one instance to the next." },
    compose_hash: { shape: sha256, optional: true, about: "SHA-256 of dstack's compose document." },
    images: {
      shape: { kind: "list", of: sha256, min: 1, max: MAX_IMAGES, distinct: true },
      optional: true,
      about:
        "WEAKER than compose_hash: SHA-256 digests of the container images that the compose document may start; it may start no others. Commands, mounts and environment are not compared, so whoever can start the images may tell them what to do.",
    },
    os_image_hash: { shape: sha256, optional: true, about: "dstack's OS image hash." },
    key_provider: { shape: text, optional: true, about: "dstack's key provider as `name` or `name:id`." },
  },
};

const RECEIPT = "is decided for each answer by its receipt, never by an attestation, so it can never pass here";

/** Checks that no enclave can pass, and why: a policy that required one would refuse everything. */
const UNREACHABLE_CHECKS: Readonly<Partial<Record<CheckId, string>>> = {
  "gpu.bound-to-cpu": "can never pass: no vendor offers a proof that a GPU is attached to this TD",
  "receipt.signature": RECEIPT,
  "receipt.hashes": RECEIPT,
  "server.claim": "is the server's word about itself, which decides nothing, so it can never pass",
};

const REVOKED = "cannot be accepted: Intel has withdrawn such a platform, whose keys others may hold";

/** The whole file. Its members, and those of all that it holds, are the only ones known. */
export const POLICY_SHAPE: Shape = {
  kind: "object",
  members: {
    version: { shape: { kind: "constant", value: 1 }, about: "Version of this format." },
    provider: { shape: text, optional: true, about: "A label: whom the policy is about. It decides nothing." },
    protocol: {
      shape: { kind: "integer", min: 1, max: 2 },
      optional: true,
      about:
        "Version of the protocol in which requests are sealed. 2: whole, to the key that the enclave's signed keys statement names; a statement that does not list version 2 is refused, and nothing falls back. 1, or left out: message by message.",
    },
    measurements: {
      shape: { kind: "constant", value: "any" },
      optional: true,
      about: "INSECURE: accept any measurements, so that any TDX machine passes. Results say UNPINNED.",
    },
    builds: {
      shape: { kind: "list", of: build, min: 0, max: MAX_BUILDS, distinct: false },
      fallback: [],
      about: "Reference values. An enclave must match one build in all of its values.",
    },
    tcb: {
      fallback: {},
      about: "What is asked of the platform.",
      shape: {
        kind: "object",
        members: {
          accept: {
            shape: {
              kind: "list",
              of: { kind: "choice", what: "TCB status", values: ACCEPTABLE_TCB_STATUSES, refused: { Revoked: REVOKED } },
              min: 1,
              max: ACCEPTABLE_TCB_STATUSES.length,
              distinct: true,
            },
            fallback: ["UpToDate"],
            about: "Accepted statuses of Intel's collateral.",
          },
          min_evaluation_number: {
            shape: { kind: "integer", min: 0, max: 0xffff_ffff },
            optional: true,
            about: "Collateral of a lower TCB evaluation data number is refused.",
          },
          refuse_advisories: {
            shape: {
              kind: "list",
              of: { kind: "pattern", pattern: "^INTEL-[A-Z]{2,8}-\\d{5,6}$", example: "INTEL-SA-00837" },
              min: 0,
              max: MAX_ADVISORIES,
              distinct: true,
            },
            fallback: [],
            about: "Intel's advisories that are refused whatever the status.",
          },
        },
      },
    },
    gpu: {
      fallback: {},
      about:
        "What is asked of GPUs. Where it asks for a count or architectures, GPUs have to prove themselves; require may name more of their checks.",
      shape: {
        kind: "object",
        members: {
          count: {
            shape: { kind: "integer", min: 1, max: MAX_GPUS },
            optional: true,
            about: "As many GPUs have to prove themselves, neither fewer nor more.",
          },
          archs: {
            shape: {
              kind: "list",
              of: { kind: "choice", what: "GPU architecture", values: GPU_ARCHS, refused: {} },
              min: 1,
              max: GPU_ARCHS.length,
              distinct: true,
            },
            optional: true,
            about: "Accepted architectures; any unless given.",
          },
          allow_hold: {
            shape: flag,
            fallback: false,
            about: "INSECURE: accept devices and manifests whose certificates NVIDIA has put on hold.",
          },
        },
      },
    },
    allow: {
      fallback: {},
      about: "Weaknesses that are accepted by name.",
      shape: {
        kind: "object",
        members: {
          debug: { shape: flag, fallback: false, about: "INSECURE: accept a TD whose host can read its memory." },
          sept_ve_disable_off: {
            shape: flag,
            fallback: false,
            about: "WEAKER: accept a TD without SEPT_VE_DISABLE, as Azure's are.",
          },
          service_td: { shape: flag, fallback: false, about: "WEAKER: accept a TD that another TD may serve or move." },
          unpinned_images: {
            shape: flag,
            fallback: false,
            about: "WEAKER: accept images named by tag: whoever runs their registry may change what starts.",
          },
        },
      },
    },
    require: {
      shape: {
        kind: "list",
        of: {
          kind: "choice",
          what: "check",
          values: CHECK_IDS.filter((id) => UNREACHABLE_CHECKS[id] === undefined),
          refused: UNREACHABLE_CHECKS,
        },
        min: 0,
        max: CHECK_IDS.length,
        distinct: true,
      },
      fallback: [],
      about: "Checks that must pass beyond those that always must.",
    },
  },
};
