import { CollateralError } from "../collateral/collateral-error.ts";
import type { GpuEndorsementStore, StoredGpuPiece } from "./gpu-endorsements.ts";
import type { SharedFlights } from "./shared-flights.ts";

/** One piece: where it is kept, how it is asked for, and until when it holds. */
export interface Piece {
  readonly key: string;
  /** Callers share a request only where this is the same as well. */
  readonly sharedBy?: string;
  readonly request: (signal: AbortSignal) => Promise<string>;
  /** @returns until when it holds, milliseconds since 1970; undefined, or an error, when it is of no use to this caller */
  readonly until: (piece: StoredGpuPiece) => Promise<number | undefined>;
}

export interface PieceCacheOptions {
  readonly nowMs: () => number;
  readonly store: GpuEndorsementStore;
  readonly flights: SharedFlights<string>;
  readonly onProblem: (problem: CollateralError) => void;
}

/** Gives a piece from the store while it holds, and otherwise requests it; a store that fails does not fail the caller. */
export function createPieceCache(options: PieceCacheOptions): (piece: Piece, signal: AbortSignal | undefined) => Promise<string> {
  const { nowMs, store, flights, onProblem } = options;
  const load = async ({ key, until }: Piece): Promise<string | undefined> => {
    try {
      const stored = await store.get(key);
      // Fetched in the future: the clock was wrong then or is now.
      if (!stored || !(stored.fetchedMs <= nowMs())) return undefined;
      const untilMs = await until(stored);
      return untilMs !== undefined && nowMs() < untilMs ? stored.text : undefined;
    } catch (cause) {
      const problem = "could not be read, or holds what cannot be used; it is fetched again";
      onProblem(new CollateralError("collateral_store", "store", problem, { cause }));
      return undefined;
    }
  };
  const save = async (key: string, piece: StoredGpuPiece): Promise<void> => {
    try {
      await store.put(key, piece);
    } catch (cause) {
      onProblem(new CollateralError("collateral_store", "store", "could not be written; what was fetched is used once", { cause }));
    }
  };
  const obtain = async (piece: Piece, signal: AbortSignal): Promise<string> => {
    const known = await load(piece);
    if (known !== undefined) return known;
    const fetched: StoredGpuPiece = { text: await piece.request(signal), fetchedMs: nowMs() };
    const untilMs = await piece.until(fetched);
    if (untilMs !== undefined && untilMs > fetched.fetchedMs) await save(piece.key, fetched);
    return fetched.text;
  };
  return (piece, signal) => flights.join(`${piece.key} ${piece.sharedBy ?? ""}`, (stop) => obtain(piece, stop), signal);
}
