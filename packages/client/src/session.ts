import type { Attestation } from "./attestation.ts";
import { raceAbort } from "./deadline.ts";

/** Attested keys by model, each until it expires. */
export interface Sessions {
  /** The accepted attestation to use now: a kept one, or that of {@link Sessions.attest}. */
  current(model: string, signal: AbortSignal | undefined): Promise<Attestation>;
  /** Attests anew, or joins an attestation of this model that is under way. What is not accepted ends a kept session. */
  attest(model: string, signal: AbortSignal | undefined): Promise<Attestation>;
  /** Until when a kept attestation is used, milliseconds since 1970; undefined where none is. */
  endOf(model: string): number | undefined;
  /** Forgets an attestation whose key is no longer of use; a newer one of the same model stays. */
  drop(attestation: Attestation): void;
}

export interface SessionOptions {
  readonly attest: (model: string, signal: AbortSignal) => Promise<Attestation>;
  readonly nowMs: () => number;
  readonly lifetimeMs: number;
}

interface Flight {
  readonly attestation: Promise<Attestation>;
  readonly controller: AbortController;
  waiting: number;
}

/** One attestation is in flight per model, however many callers wait; it is given up when the last of them is gone. */
export function createSessions({ attest, nowMs, lifetimeMs }: SessionOptions): Sessions {
  const kept = new Map<string, Attestation>();
  const flights = new Map<string, Flight>();

  function isCurrent({ attestedAtMs, expiresMs }: Attestation): boolean {
    const now = nowMs();
    const ageMs = now - attestedAtMs;
    // A clock that was set back makes the age meaningless.
    return ageMs >= 0 && ageMs < lifetimeMs && now < expiresMs;
  }

  function start(model: string): Flight {
    const controller = new AbortController();
    const isFlying = () => flights.get(model) === flight;
    const attestation = Promise.resolve()
      .then(() => attest(model, controller.signal))
      .then((appraised) => {
        if (!isFlying()) return appraised;
        if (appraised.result.ok) kept.set(model, appraised);
        else kept.delete(model);
        return appraised;
      })
      .finally(() => {
        if (isFlying()) flights.delete(model);
      });
    const flight: Flight = { attestation, controller, waiting: 0 };
    flights.set(model, flight);
    return flight;
  }

  async function join(model: string, signal: AbortSignal | undefined): Promise<Attestation> {
    signal?.throwIfAborted();
    const flight = flights.get(model) ?? start(model);
    flight.waiting++;
    try {
      return await (signal ? raceAbort(flight.attestation, signal) : flight.attestation);
    } finally {
      flight.waiting--;
      if (flight.waiting === 0 && flights.get(model) === flight) {
        flights.delete(model);
        flight.controller.abort();
      }
    }
  }

  return {
    attest: join,
    async current(model, signal) {
      const attestation = kept.get(model);
      if (attestation && isCurrent(attestation)) return attestation;
      kept.delete(model);
      return join(model, signal);
    },
    endOf(model) {
      const attestation = kept.get(model);
      return attestation && isCurrent(attestation) ? Math.min(attestation.attestedAtMs + lifetimeMs, attestation.expiresMs) : undefined;
    },
    drop(attestation) {
      if (kept.get(attestation.model) === attestation) kept.delete(attestation.model);
    },
  };
}
