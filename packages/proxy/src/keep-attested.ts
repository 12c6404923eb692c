import type { Attestation, Client } from "@bauta/client";
import type { AttestedModels } from "./attested-models.ts";

export interface KeepAttestedOptions {
  readonly client: Pick<Client, "keepFresh">;
  readonly attested: AttestedModels;
  /** Attested at once, and kept so whether they are used or not. */
  readonly models: readonly string[];
  readonly nowMs: () => number;
  /** How long before its end an attestation is made anew; two minutes unless given. */
  readonly aheadMs?: number;
  /** Other models are kept as long as they were used within this time; half an hour unless given. */
  readonly idleMs?: number;
  /** Told of each attestation made here, acceptable or not. */
  readonly onAttested?: (attestation: Attestation) => void;
  /** Told when there was nothing to appraise; it is tried again. */
  readonly onProblem?: (model: string, error: unknown) => void;
  /** Calls back every so many milliseconds until it is told to stop; the platform's timer unless given. */
  readonly every?: (ms: number, call: () => void) => () => void;
}

const AHEAD_MS = 2 * 60_000;
const IDLE_MS = 30 * 60_000;
const LOOK_MS = 2_000;
const FIRST_RETRY_MS = 2_000;
const MAX_RETRY_MS = 60_000;

/**
 * Attests models anew before their attestations end, so that no request waits for one. Those that requests have used
 * lately are kept too.
 * @returns `ready` settles when each of `models` was tried once
 */
export function keepAttested(options: KeepAttestedOptions): { readonly ready: Promise<void>; stop(): void } {
  const { client, attested, models, nowMs, aheadMs = AHEAD_MS, idleMs = IDLE_MS, every = everyMs } = options;
  /** When a model is looked at again; Infinity while it is being looked at. */
  const dueMs = new Map<string, number>();
  const failures = new Map<string, number>();
  const controller = new AbortController();
  const { signal } = controller;

  async function renew(model: string): Promise<void> {
    dueMs.set(model, Infinity);
    let untilMs: number | undefined;
    try {
      const [fresh] = await client.keepFresh([model], { aheadMs, signal });
      untilMs = fresh?.freshUntilMs;
      if (fresh?.attestation) {
        attested.note(fresh.attestation);
        options.onAttested?.(fresh.attestation);
      }
      if (fresh?.error !== undefined) options.onProblem?.(model, fresh.error);
      if (fresh?.error !== undefined || untilMs === undefined) return postpone(model);
    } catch (error) {
      if (signal.aborted) return;
      options.onProblem?.(model, error);
      return postpone(model);
    }
    failures.delete(model);
    const leftMs = untilMs - nowMs();
    // One that lives no longer than that is made anew in the middle of its life.
    dueMs.set(model, nowMs() + (leftMs > aheadMs ? leftMs - aheadMs : leftMs / 2));
  }

  function postpone(model: string): void {
    const count = failures.get(model) ?? 0;
    failures.set(model, count + 1);
    dueMs.set(model, nowMs() + Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** count));
  }

  function look(): void {
    const now = nowMs();
    const used = attested.list().filter(({ result, usedMs }) => result.ok && usedMs !== undefined && now - usedMs < idleMs);
    const wanted = new Set([...models, ...used.map(({ model }) => model)]);
    for (const model of dueMs.keys()) {
      if (wanted.has(model)) continue;
      dueMs.delete(model);
      failures.delete(model);
    }
    for (const model of wanted) if (now >= (dueMs.get(model) ?? 0)) void renew(model);
  }

  const ready = Promise.all([...new Set(models)].map(renew)).then(() => undefined);
  const stopLooking = every(LOOK_MS, look);
  return {
    ready,
    stop() {
      stopLooking();
      controller.abort();
    },
  };
}

function everyMs(ms: number, call: () => void): () => void {
  const timer = setInterval(call, ms);
  return () => clearInterval(timer);
}
