import { orAborted } from "../collateral/request-piece.ts";

interface Flight<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  /** Callers who would still use the result. */
  waiting: number;
}

/** Runs that callers with the same key share. */
export interface SharedFlights<T> {
  /**
   * Joins the run of this key, or starts it. An aborted caller stops waiting; the run stops when nobody waits any more.
   */
  join(key: string, start: (signal: AbortSignal) => Promise<T>, signal: AbortSignal | undefined): Promise<T>;
  /** Ends what runs. */
  close(): void;
}

export function createSharedFlights<T>(): SharedFlights<T> {
  const flights = new Map<string, Flight<T>>();
  const remove = (key: string, flight: Flight<T>) => {
    if (flights.get(key) === flight) flights.delete(key);
  };
  const launch = (key: string, start: (signal: AbortSignal) => Promise<T>): Flight<T> => {
    const stop = new AbortController();
    const flight: Flight<T> = { result: start(stop.signal), stop, waiting: 0 };
    flights.set(key, flight);
    const landed = () => remove(key, flight);
    flight.result.then(landed, landed);
    return flight;
  };
  return {
    async join(key, start, signal) {
      signal?.throwIfAborted();
      const flight = flights.get(key) ?? launch(key, start);
      flight.waiting++;
      try {
        return await (signal ? orAborted(flight.result, signal) : flight.result);
      } finally {
        flight.waiting--;
        if (flight.waiting === 0) {
          remove(key, flight);
          flight.stop.abort();
        }
      }
    },
    close() {
      for (const flight of flights.values()) flight.stop.abort();
    },
  };
}
