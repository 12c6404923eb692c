import type { Attestation } from "./attestation.ts";
import type { Sessions } from "./session.ts";

/** What one look at a model's session came to. */
export interface Freshness {
  readonly model: string;
  /** The attestation that was made now; undefined where the kept one lasts long enough, or none could be had. */
  readonly attestation: Attestation | undefined;
  /** Why there was no evidence to appraise; the kept attestation, if any, is used until it ends. */
  readonly error: unknown;
  /** Until when requests to it need not wait, milliseconds since 1970; undefined where the next one has to. */
  readonly freshUntilMs: number | undefined;
}

export interface KeepFreshOptions {
  /** How long before its end a session is renewed. */
  readonly aheadMs?: number;
  readonly signal?: AbortSignal;
}

/** A tenth of the usual session. */
const AHEAD_MS = 60_000;

/**
 * Attests anew those models whose sessions end soon, so that no request has to wait for that. Whoever calls it has the
 * timer. A kept attestation stays in use until the new one is there; a new one that is not acceptable ends it.
 * @throws the signal's own reason when it aborts
 */
export async function keepFresh(
  sessions: Sessions,
  nowMs: () => number,
  models: readonly string[],
  { aheadMs = AHEAD_MS, signal }: KeepFreshOptions,
): Promise<Freshness[]> {
  async function renew(model: string): Promise<Freshness> {
    const endMs = sessions.endOf(model);
    if (endMs !== undefined && endMs - nowMs() > aheadMs) return { model, attestation: undefined, error: undefined, freshUntilMs: endMs };
    try {
      const attestation = await sessions.attest(model, signal);
      return { model, attestation, error: undefined, freshUntilMs: sessions.endOf(model) };
    } catch (error) {
      signal?.throwIfAborted();
      return { model, attestation: undefined, error, freshUntilMs: sessions.endOf(model) };
    }
  }
  return Promise.all([...new Set(models)].map(renew));
}
