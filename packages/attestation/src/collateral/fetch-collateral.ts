import type { Collateral } from "./collateral.ts";
import { CollateralError } from "./collateral-error.ts";
import { checkNeed, type CollateralNeed } from "./collateral-need.ts";
import { describeCollateral } from "./describe-collateral.ts";
import { parseCollateral } from "./parse-collateral.ts";
import { type CollateralStore, createMemoryStore } from "./memory-store.ts";
import { requestCollateral, type RequestedCollateral } from "./request-collateral.ts";
import { type Fetch, orAborted, type RequestLimits, waitByTimer } from "./request-piece.ts";
import { serviceAddresses } from "./service-address.ts";

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_WAIT_MS = 15_000;
const DEFAULT_RENEW_AFTER_MS = 24 * 60 * 60_000;
/** After the first failed renewal; doubled with each further one. */
const RENEWAL_BACKOFF_MS = 60_000;
const MAX_RENEWAL_BACKOFF_MS = 60 * 60_000;
/** Renewals after which a service that serves older collateral than is at hand is believed. */
const MAX_OLDER_RENEWALS = 3;
/** Timers cannot wait longer, and would not wait at all. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Sets kept at hand. The FMSPC comes from evidence, so whoever sends evidence could otherwise fill the memory. */
const MAX_HELD = 64;

export interface CollateralSourceOptions {
  /** Intel's service ({@link INTEL_PCS_URL}) or a PCCS. From configuration, never from evidence. */
  readonly baseUrl: string;
  readonly fetch: Fetch;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Where collateral outlives this source; memory unless given. */
  readonly store?: CollateralStore;
  /** One request with its body; 10 s unless given. */
  readonly timeoutMs?: number;
  /** The longest Retry-After that is waited for; 15 s unless given. */
  readonly maxWaitMs?: number;
  /** Collateral of this age is renewed in the background, and earlier where it holds for less than twice as long. A day unless given. */
  readonly renewAfterMs?: number;
  /** Renew what is due before it is given, for commands that do not live long enough to do it in the background. */
  readonly renewBeforeUse?: boolean;
  /** In place of Intel's distribution point, or of a PCCS's copy. */
  readonly rootCrlUrl?: string;
  /** Insecure: plain http to hosts other than this machine. What comes is signed, but newer collateral can be kept back. */
  readonly allowInsecureHttp?: boolean;
  /** Told what does not fail a fetch: a renewal or a store that failed. */
  readonly onProblem?: (problem: CollateralError) => void;
  /** Waits between attempts; the platform's timer unless given. */
  readonly wait?: RequestLimits["wait"];
}

/** Gives collateral that is within its dates; nothing in it has been verified, which is the appraisal's work. */
export interface CollateralSource {
  /**
   * @throws CollateralError; the signal's reason when it is aborted, which ends only this caller's wait
   */
  fetch(need: CollateralNeed, signal?: AbortSignal): Promise<Collateral>;
  /** Ends what runs in the background. */
  close(): void;
}

interface Held extends RequestedCollateral {
  readonly fetchedMs: number;
  readonly renewAtMs: number;
  readonly failedRenewals: number;
}

interface Flight {
  readonly result: Promise<Collateral>;
  readonly stop: AbortController;
  /** Callers who would still use the result; a renewal counts as one. */
  waiting: number;
}

/**
 * Fetches Intel's collateral and keeps it until the earliest end of its pieces. All callers with one need share one
 * flight. Well ahead of the end, a call starts a renewal in the background; when that fails, what is at hand goes on
 * serving until its end. After it callers get an error.
 * @throws CollateralError (`collateral_settings`) for an address that cannot be used
 */
export function createCollateralSource(options: CollateralSourceOptions): CollateralSource {
  const addresses = serviceAddresses(options.baseUrl, options.rootCrlUrl, options.allowInsecureHttp ?? false);
  const {
    nowMs,
    store = createMemoryStore(),
    renewAfterMs = DEFAULT_RENEW_AFTER_MS,
    renewBeforeUse = false,
    onProblem = () => {},
  } = options;
  const limits: RequestLimits = {
    fetch: options.fetch,
    nowMs,
    wait: options.wait ?? waitByTimer,
    timeoutMs: checkTimer("timeoutMs", options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
    maxWaitMs: checkTimer("maxWaitMs", options.maxWaitMs ?? DEFAULT_MAX_WAIT_MS),
  };
  const held = new Map<string, Held>();
  const flights = new Map<string, Flight>();
  /** Until when the service has asked to be left alone, and its words. */
  let pause: { readonly untilMs: number; readonly failure: CollateralError } | undefined;

  const hold = (key: string, value: Held) => {
    held.delete(key);
    held.set(key, value);
    const [oldest] = held.keys();
    if (held.size > MAX_HELD && oldest !== undefined) held.delete(oldest);
    return value;
  };
  const toHeld = (requested: RequestedCollateral, fetchedMs: number): Held => {
    const lifeMs = requested.description.expiresMs - fetchedMs;
    const renewAtMs = fetchedMs + Math.min(renewAfterMs, Math.max(lifeMs / 2, RENEWAL_BACKOFF_MS));
    return { ...requested, fetchedMs, renewAtMs, failedRenewals: 0 };
  };

  const load = async (key: string, need: CollateralNeed): Promise<Held | undefined> => {
    try {
      const stored = await store.get(key);
      const collateral = parseCollateral(stored?.collateral);
      if (!stored || !collateral) return undefined;
      const description = describeCollateral(collateral);
      const fits = description.fmspc === need.fmspc && description.ca === need.ca && Number.isFinite(stored.fetchedMs);
      return fits ? toHeld({ collateral, description }, stored.fetchedMs) : undefined;
    } catch (cause) {
      onProblem(new CollateralError("collateral_store", "store", "could not be read; collateral is fetched again", { cause }));
      return undefined;
    }
  };
  const save = async (key: string, { collateral, fetchedMs }: Held): Promise<void> => {
    try {
      await store.put(key, { collateral, fetchedMs });
    } catch (cause) {
      onProblem(new CollateralError("collateral_store", "store", "could not be written; collateral is kept in memory", { cause }));
    }
  };

  const download = async (need: CollateralNeed, signal: AbortSignal): Promise<Held> => {
    const pauseMs = pause ? pause.untilMs - nowMs() : 0;
    // Longer than the service can have asked for: the clock has been set back.
    if (pause && pauseMs > 0 && pauseMs <= (pause.failure.retryAfterMs ?? 0)) {
      const { code, field, problem } = pause.failure;
      throw new CollateralError(code, field, problem, { cause: pause.failure, retryAfterMs: pauseMs });
    }
    try {
      const requested = await requestCollateral(addresses, need, limits, signal);
      const now = nowMs();
      if (now > requested.description.expiresMs) {
        const end = new Date(requested.description.expiresMs).toISOString();
        const problem = `what ${addresses.name} serves ended on ${end}, and it is ${isoDate(now)}: if that is wrong, set the clock`;
        throw new CollateralError("collateral_expired", "(whole)", problem);
      }
      return toHeld(requested, now);
    } catch (error) {
      if (error instanceof CollateralError && error.retryAfterMs) {
        pause = { untilMs: nowMs() + error.retryAfterMs, failure: error };
      }
      throw error;
    }
  };

  /** Store, then service. A renewal that fails leaves what is at hand in place. */
  const obtain = async (key: string, need: CollateralNeed, renewal: boolean, signal: AbortSignal): Promise<Collateral> => {
    // Another process may have been here since.
    const known = newer(held.get(key), await load(key, need));
    const usable = known && nowMs() <= known.description.expiresMs ? hold(key, known) : undefined;
    if (usable && (!renewal || !isDue(usable, nowMs()))) return usable.collateral;
    try {
      const fetched = await download(need, signal);
      // A service that lags behind, such as one of several replicas, does not take newer collateral away. One that keeps
      // at it is believed: nothing is verified here, and what is at hand may be a forgery that only claims to be new.
      if (usable && usable.failedRenewals < MAX_OLDER_RENEWALS && isOlder(fetched, usable)) {
        onProblem(new CollateralError("collateral_older", "tcb_info", `${addresses.name} serves older than before, which is not taken`));
        return hold(key, postpone(usable, nowMs())).collateral;
      }
      hold(key, fetched);
      await save(key, fetched);
      return fetched.collateral;
    } catch (error) {
      if (usable && error instanceof CollateralError) {
        hold(key, postpone(usable, nowMs()));
        onProblem(error);
        return usable.collateral;
      }
      if (known && error instanceof CollateralError && error.code !== "collateral_expired") {
        const problem = `what is at hand ended on ${isoDate(known.description.expiresMs)}, and no newer could be fetched (${error.problem})`;
        throw new CollateralError("collateral_expired", "(whole)", problem, { cause: error, retryAfterMs: error.retryAfterMs });
      }
      throw error;
    }
  };

  const start = (key: string, need: CollateralNeed, inBackground: boolean): Flight => {
    const stop = new AbortController();
    const result = obtain(key, need, inBackground || renewBeforeUse, stop.signal);
    const flight: Flight = { result, stop, waiting: inBackground ? 1 : 0 };
    flights.set(key, flight);
    const landed = () => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    // Whoever waits gets the error; where nobody does, it is not lost: the next caller tries again.
    result.then(landed, landed);
    return flight;
  };
  const leave = (key: string, flight: Flight) => {
    flight.waiting--;
    if (flight.waiting > 0) return;
    if (flights.get(key) === flight) flights.delete(key);
    flight.stop.abort();
  };

  const join = async (key: string, flight: Flight, signal: AbortSignal | undefined): Promise<Collateral> => {
    flight.waiting++;
    try {
      return await (signal ? orAborted(flight.result, signal) : flight.result);
    } finally {
      leave(key, flight);
    }
  };
  const renewIfDue = (key: string, need: CollateralNeed) => {
    const current = held.get(key);
    if (current && isDue(current, nowMs()) && !flights.has(key)) start(key, need, true);
  };

  return {
    async fetch(asked, signal) {
      const need = checkNeed(asked);
      signal?.throwIfAborted();
      const key = `${addresses.name}/${need.fmspc}/${need.ca}`;
      const current = held.get(key);
      const isCurrent = current && nowMs() <= current.description.expiresMs;
      const usable = isCurrent && !(renewBeforeUse && isDue(current, nowMs()));
      const collateral = usable ? hold(key, current).collateral : await join(key, flights.get(key) ?? start(key, need, false), signal);
      renewIfDue(key, need);
      return collateral;
    },
    close() {
      for (const flight of flights.values()) flight.stop.abort();
    },
  };
}

function checkTimer(field: string, ms: number): number {
  if (ms > 0 && ms <= MAX_TIMER_MS) return ms;
  throw new CollateralError("collateral_settings", field, `must be above 0 and at most ${MAX_TIMER_MS} milliseconds`);
}

function isDue({ renewAtMs, fetchedMs }: Held, nowMs: number): boolean {
  // Fetched in the future: the clock was wrong then or is now.
  return nowMs >= renewAtMs || nowMs < fetchedMs;
}

function newer(a: Held | undefined, b: Held | undefined): Held | undefined {
  if (!a || !b) return a ?? b;
  const issuedLaterMs = b.description.tcbIssuedMs - a.description.tcbIssuedMs;
  return issuedLaterMs > 0 || (issuedLaterMs === 0 && b.description.expiresMs > a.description.expiresMs) ? b : a;
}

function isOlder(fetched: Held, known: Held): boolean {
  const [a, b] = [fetched.description, known.description];
  return a.evaluationNumber < b.evaluationNumber || a.tcbIssuedMs < b.tcbIssuedMs;
}

function postpone(current: Held, nowMs: number): Held {
  const waitMs = Math.min(RENEWAL_BACKOFF_MS * 2 ** current.failedRenewals, MAX_RENEWAL_BACKOFF_MS);
  return {
    ...current,
    renewAtMs: nowMs + waitMs,
    fetchedMs: Math.min(current.fetchedMs, nowMs),
    failedRenewals: current.failedRenewals + 1,
  };
}

function isoDate(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}
