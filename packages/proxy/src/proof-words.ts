import type { AttestedModel } from "./attested-models.ts";

/** Words that stand wherever a result is shown. */
export function standingOf({ result: { simulated, debug, pinned } }: AttestedModel): string[] {
  return [simulated && "SIMULATED", debug && "DEBUG", !pinned && "UNPINNED"].filter((word) => word !== false);
}

/** What a result means for whoever asks the model, a sentence each. */
export function explainProof(attested: AttestedModel): string[] {
  const { protection, result } = attested;
  if (!result.ok) return ["NOT acceptable: nothing is sent to it. The checks below say why.", ...explainStanding(attested)];
  return [
    protection === "sealed"
      ? "What you send is encrypted on this machine, to a key that a fresh attestation has bound to the enclave."
      : "Attested, but not sealed: the server reads what you send, and passes it to an enclave that a fresh attestation has named.",
    ...explainStanding(attested),
    ...explainClaims(attested),
  ];
}

function explainStanding({ result: { simulated, debug, pinned } }: AttestedModel): string[] {
  return [
    simulated && "SIMULATED: a software stand-in signed the evidence, under a root that you named. It proves nothing about any machine.",
    debug && "DEBUG: the machine's owner can read and change the enclave's memory.",
    !pinned && "UNPINNED: which program runs in the enclave was not compared with anything.",
  ].filter((sentence) => sentence !== false);
}

function explainClaims({ result: { simulated, claims } }: AttestedModel): string[] {
  const { build, tcb_status, advisories = [], gpus = [], signing_address } = claims;
  return [
    build !== undefined && `Every measurement is that of the build “${build}” of your policy.`,
    tcb_status !== undefined &&
      `${simulated ? "The stand-in's" : "Intel's"} verdict on the machine's firmware: ${tcb_status}${advisories.length > 0 ? ` (${advisories.join(", ")})` : ""}.`,
    gpus.length > 0 && `${gpus.length} GPU${gpus.length === 1 ? "" : "s"} attested beside it.`,
    signing_address !== undefined && `Its answers are signed by the key with the address ${signing_address}.`,
  ].filter((sentence) => sentence !== false);
}
