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
  /** How long a key is offered; 24 hours by default. */
  readonly rotateMs?: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** A statement that is made just before its key is replaced still holds for nearly so long. */
const OVERLAP_MS = 60 * 60 * 1000;
/** A request that is sealed in a statement's last moment still has to arrive. */
const ARRIVAL_MS = 60 * 1000;
/** How often keys are looked at although nobody asks for one. */
const SWEEP_MS = 60 * 1000;
const MIN_ROTATE_MS = 60 * 1000;

interface HeldKey extends BodyKey {
  readonly window: ReplayWindow;
  /** Not offered from then on. */
  readonly replaceAtMs: number;
  /** Opens nothing from then on. */
  readonly endMs: number;
}

/** @throws {EnclaveSetupError} for a rotation that is no sensible time */
export function createBodyKeys({ backend, nowMs, rotateMs = DAY_MS }: BodyKeysOptions): BodyKeys {
  if (!(rotateMs >= MIN_ROTATE_MS && rotateMs <= DAY_MS))
    throw new EnclaveSetupError(
      "invalid-option",
      `HPKE keys are replaced after a minute at least and a day at most, not after ${rotateMs} ms`,
    );
  /** The newest first: it is the one that most requests are sealed to. */
  let keys: readonly HeldKey[] = [];
  let made = 0;
  let making: Promise<void> | undefined;
  let closed = false;

  function forgetEnded(): void {
    const now = nowMs();
    for (const key of keys) if (now >= key.endMs) key.destroy();
    keys = keys.filter((key) => now < key.endMs);
  }

  async function make(): Promise<void> {
    const key = await createBodyKey(backend, made % 256);
    if (closed) return key.destroy();
    made += 1;
    const replaceAtMs = nowMs() + rotateMs;
    keys = [{ ...key, window: createReplayWindow({ nowMs }), replaceAtMs, endMs: replaceAtMs + OVERLAP_MS }, ...keys];
  }

  async function refresh(): Promise<void> {
    if (closed) return;
    forgetEnded();
    const [current] = keys;
    if (current && nowMs() < current.replaceAtMs) return;
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
