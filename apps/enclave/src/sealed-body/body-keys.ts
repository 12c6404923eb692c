import { type CryptoBackend, toHex, WireError } from "@bauta/protocol";
import { type BodyKey, type BodySealer, createBodyKey, createReplayWindow, openBody, type ReplayWindow } from "@bauta/protocol/enclave";
import { EnclaveSetupError } from "../setup-error.ts";

/** What a keys statement says of the key that bodies are to be sealed to. */
export interface OfferedBodyKey {
  /** RFC 9458 §3, hex. */
  readonly keyConfig: string;
  /** Seconds since 1970: no statement that names this key may hold for longer. */
  readonly notAfter: number;
}

/** The HPKE keys of one enclave: made in this process, never derived, the older ones forgotten when their time is over. */
export interface BodyKeys {
  /** Makes a new key where one is due, and forgets those that are over. To be awaited before `offer`. */
  refresh(): Promise<void>;
  /** The key to name in a statement made now. @throws {WireError} `shutting_down` when closed */
  offer(): OfferedBodyKey;
  /** @throws {WireError} `too_large`, `body_not_opened`, `key_config` */
  open(encapsulatedKey: string, bytes: Uint8Array): Promise<OpenedRequestBody>;
  /** Forgets all keys: nothing opens any more. */
  close(): void;
}

export interface OpenedRequestBody {
  readonly plaintext: Uint8Array;
  /** What seals the answer; works once. */
  readonly sealResponse: () => Promise<BodySealer>;
  /** Refuses what this key has opened before. @throws {WireError} `body_replayed`, `body_expired`, `overloaded` */
  assertNew(t: number | undefined): void;
}

export interface BodyKeysOptions {
  readonly backend: CryptoBackend;
  readonly nowMs: () => number;
  /** Time that runs forward whatever becomes of the clock, which a host can set; the process's own unless given. */
  readonly elapsedMs?: () => number;
  /** How long a key is offered; 23 hours by default. It opens for an hour more, which makes a day. */
  readonly rotateMs?: number;
}

/** A statement that is made just before its key is replaced still holds for nearly so long. */
const OVERLAP_MS = 60 * 60 * 1000;
/** Whoever gets a key opens what was sealed to it in its life, which is a day. */
const MAX_ROTATE_MS = 24 * 60 * 60 * 1000 - OVERLAP_MS;
/** A request that is sealed in a statement's last moment still has to arrive. */
const ARRIVAL_MS = 60 * 1000;
/** How often keys are looked at although nobody asks for one. */
const SWEEP_MS = 60 * 1000;
const MIN_ROTATE_MS = 60 * 1000;

interface HeldKey extends BodyKey {
  readonly window: ReplayWindow;
  /** By the clock, and by the time that has passed: the older of both ages counts. */
  readonly made: { readonly ms: number; readonly elapsedMs: number };
  /** By the clock; opens nothing from then on. */
  readonly endMs: number;
}

/** @throws {EnclaveSetupError} for a rotation that is no sensible time */
export function createBodyKeys({
  backend,
  nowMs,
  elapsedMs = () => performance.now(),
  rotateMs = MAX_ROTATE_MS,
}: BodyKeysOptions): BodyKeys {
  if (!(rotateMs >= MIN_ROTATE_MS && rotateMs <= MAX_ROTATE_MS))
    throw new EnclaveSetupError(
      "invalid-option",
      `HPKE keys are replaced after a minute at least and 23 hours at most, not after ${rotateMs} ms`,
    );
  /** The newest first: it is the one that most requests are sealed to. */
  let keys: readonly HeldKey[] = [];
  let count = 0;
  let making: Promise<void> | undefined;
  let closed = false;

  const ageMs = ({ made: { ms, elapsedMs: since } }: HeldKey) => Math.max(nowMs() - ms, elapsedMs() - since);

  function forgetEnded(): void {
    keys = keys.filter((key) => {
      const isOver = ageMs(key) >= rotateMs + OVERLAP_MS;
      if (isOver) key.destroy();
      return !isOver;
    });
  }

  async function make(): Promise<void> {
    const key = await createBodyKey(backend, count % 256);
    if (closed) return key.destroy();
    count += 1;
    const made = { ms: nowMs(), elapsedMs: elapsedMs() };
    keys = [{ ...key, window: createReplayWindow({ nowMs }), made, endMs: made.ms + rotateMs + OVERLAP_MS }, ...keys];
  }

  async function refresh(): Promise<void> {
    if (closed) return;
    forgetEnded();
    const [current] = keys;
    if (current && ageMs(current) < rotateMs) return;
    making ??= make().finally(() => (making = undefined));
    await making;
  }

  // Where nobody asks, a key ends all the same. One that could not be made is made for whoever asks next.
  const sweep = setInterval(() => void refresh().catch(() => {}), SWEEP_MS);
  sweep.unref();

  return {
    refresh,
    offer() {
      const [current] = keys;
      if (!current) throw new WireError("shutting_down");
      return { keyConfig: toHex(current.keyConfig), notAfter: Math.floor((current.endMs - ARRIVAL_MS) / 1000) };
    },
    async open(encapsulatedKey, bytes) {
      forgetEnded();
      const opened = await openBody(keys, encapsulatedKey, bytes);
      return {
        plaintext: opened.plaintext,
        sealResponse: () => opened.sealResponse(),
        assertNew: (t) => opened.key.window.check(encapsulatedKey, t),
      };
    },
    close() {
      closed = true;
      clearInterval(sweep);
      for (const key of keys) key.destroy();
      keys = [];
    },
  };
}
