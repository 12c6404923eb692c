import type { AttestationResult } from "@bauta/attestation";
import { type Attestation, type ModelProtection, protectionOf } from "@bauta/client";

/** What the proxy knows of one model: the newest attestation, accepted or not. */
export interface AttestedModel {
  readonly model: string;
  /** What the last request to it had, or what its name promises. */
  readonly protection: ModelProtection;
  readonly result: AttestationResult;
  readonly nonce: string;
  /** Milliseconds since 1970. */
  readonly attestedAtMs: number;
  readonly expiresMs: number;
  /** When a request last used it; undefined when none has. */
  readonly usedMs: number | undefined;
}

export interface AttestedModels {
  /** Keeps an attestation, unless a newer one of its model is here already. */
  note(attestation: Attestation): void;
  /** Notes that a request used a model, and what protected it. */
  use(model: string, protection: ModelProtection): void;
  get(model: string): AttestedModel | undefined;
  /** By name. */
  list(): readonly AttestedModel[];
}

/** Callers name models, so that their number is bounded; the one unused for longest makes room. */
const MAX_MODELS = 256;

/** Remembers results, without the evidence that they were reached from. */
export function createAttestedModels({ nowMs }: { readonly nowMs: () => number }): AttestedModels {
  const models = new Map<string, AttestedModel>();

  function makeRoom(): void {
    const byUse = [...models.values()].sort((a, b) => (a.usedMs ?? 0) - (b.usedMs ?? 0));
    for (const { model } of byUse.slice(0, models.size - MAX_MODELS + 1)) models.delete(model);
  }

  return {
    note({ model, result, nonce, attestedAtMs, expiresMs }) {
      const known = models.get(model);
      // A clock that was set back makes the times before it meaningless: what comes now is newer.
      if (known && known.attestedAtMs > attestedAtMs && known.attestedAtMs <= nowMs()) return;
      if (!known && models.size >= MAX_MODELS) makeRoom();
      const { protection = protectionOf(model), usedMs } = known ?? {};
      models.set(model, { model, protection, result, nonce, attestedAtMs, expiresMs, usedMs });
    },
    use(model, protection) {
      const known = models.get(model);
      if (known) models.set(model, { ...known, protection, usedMs: nowMs() });
    },
    get: (model) => models.get(model),
    list: () => [...models.values()].sort((a, b) => (a.model < b.model ? -1 : 1)),
  };
}
