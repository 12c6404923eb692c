import type { Policy } from "./policy.ts";

/** A policy that comes with this package: dated facts from recorded evidence, not an endorsement of its provider. */
export interface BuiltInPolicy {
  /** What `--policy` takes instead of a file. */
  readonly name: string;
  /** One sentence: which evidence it rests on, and what that evidence leaves open. */
  readonly about: string;
  readonly policy: Policy;
}

/**
 * From a recorded answer of `GET /tee/attestation` for `e2ee-qwen3-5-122b-a10b` with Intel's collateral of that minute.
 * Every value is in the quote, or in the event log that replays to it; the collateral's number is that of TCB info and
 * QE identity, which both said UpToDate. This build has GPUs whatever model it serves: RTMR0 measures a virtual machine
 * with eight, and RTMR2 an OS image whose driver reports their firmware. How many of them a model is given, and of which
 * kind, one recorded answer does not tell: so that much is left open.
 */
const VENICE: BuiltInPolicy = {
  name: "venice",
  about:
    "Venice's e2ee-* models, as NEAR AI's enclave served one on 2026-04-24; its compose document starts a compose manager, which loads engine and weights later: those are not pinned, nor is what its GPUs run, for which no manifest of NVIDIA is known",
  policy: {
    version: 1,
    provider: "Venice (near-ai)",
    builds: [
      {
        name: "dstack-nvidia-0.5.5 of 2026-04-24",
        source: "attestation answer of api.venice.ai for e2ee-qwen3-5-122b-a10b, recorded at 2026-04-24T01:58:41Z",
        date: "2026-04-24",
        expires: "2027-04-24",
        mrtd: "b24d3b24e9e3c16012376b52362ca09856c4adecb709d5fac33addf1c47e193da075b125b6c364115771390a5461e217",
        rtmr0: "0cb94dba1a9773d741efad49370e1e909557409a904a24a4620b6305651360952cb8111f851b03fc2a35a6c3b7bb05f6",
        rtmr1: "c0445b704e4c48139496ae337423ddb1dcee3a673fd5fb60a53d562f127d235f11de471a7b4ee12c9027c829786757dc",
        rtmr2: "564622c7ddc55a53272cc9f0956d29b3f7e0dd18ede432720b71fd89e5b5d76cb0b99be7b7ff2a6a92b89b6b01643135",
        compose_hash: "242a62724303cc32f364da0fc92738706b0078e7587821b7ba3e75488223797b",
        os_image_hash: "9b69bb1698bacbb6985409a2c272bcb892e09cdcea63d5399c6768b67d3ff677",
        key_provider:
          "kms:3059301306072a8648ce3d020106082a8648ce3d03010703420004228f800590a10442cba9d0e6adb2fa9f195eea9e75e23dd35990d52b59dda2415a63674c38adebde4ffd4d4b265bf818985933820c8053cee3ce29b5fb0fbcbc",
      },
    ],
    tcb: { accept: ["UpToDate"], min_evaluation_number: 18, refuse_advisories: [] },
    gpu: { allow_hold: false },
    allow: { debug: false, sept_ve_disable_off: false, service_td: false, unpinned_images: false },
    require: ["gpu.present", "gpu.nonce", "gpu.cert-chain", "gpu.report-signature", "gpu.fwid"],
  },
};

/** The policies of all providers whose evidence is enough to pin a build. */
export const builtInPolicies: readonly BuiltInPolicy[] = [VENICE];

/** The built-in policy of that name, if there is one. */
export function builtInPolicy(name: string): Policy | undefined {
  return builtInPolicies.find((builtIn) => builtIn.name === name)?.policy;
}
