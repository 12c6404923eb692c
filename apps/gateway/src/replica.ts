import { randomBytes } from "node:crypto";
import { toHex, type WireErrorCode } from "@bauta/protocol";
import { type Appraisal, appraiseEnclave, EnclaveRefusal, type Expectation, failedChecks, refusalCode } from "./appraise-enclave.ts";
import { type EnclaveLink, EnclaveLinkError } from "./enclave-link.ts";

/** First pause after a verification that failed; it doubles up to the configured interval. */
const FIRST_RETRY_MS = 1_000;
/** An unknown key makes the gateway look again, at most this often for each replica. */
const RECHECK_AFTER_MS = 2_000;

/** What is known about one enclave as a server of one model. */
export interface ReplicaStatus {
  readonly model: string;
  readonly enclave: string;
  readonly state: "pending" | "verified" | "unreachable" | "refused";
  /** Ids of the checks that failed, or the kind of failure. */
  readonly reasons: readonly string[];
  /** The attested key, 130 hex digits; absent until the enclave was verified once. */
  readonly modelKey?: string;
  /** True when the quote ends in a root that the configuration named beside Intel's. */
  readonly simulated: boolean;
  /** False when the policy accepts any measurements. */
  readonly pinned: boolean;
  readonly verifiedAtMs?: number;
}

/** Told about each verification, for a log. */
export type StatusListener = (status: ReplicaStatus) => void;

/** One enclave serving one model. It gets work only while its last verification passed. */
export class Replica {
  readonly link: EnclaveLink;
  readonly expected: Expectation;
  readonly #nowMs: () => number;
  readonly #intervalMs: number;
  readonly #listener: StatusListener;
  #status: ReplicaStatus;
  #failure: WireErrorCode = "enclave_unreachable";
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #lastEndMs = -Infinity;
  #stopped = false;

  /** @param intervalMs pause between verifications that passed */
  constructor(link: EnclaveLink, expected: Expectation, intervalMs: number, nowMs: () => number, listener: StatusListener) {
    this.link = link;
    this.expected = expected;
    this.#intervalMs = intervalMs;
    this.#nowMs = nowMs;
    this.#listener = listener;
    this.#status = { model: expected.model, enclave: link.origin, state: "pending", reasons: [], simulated: false, pinned: false };
  }

  get status(): ReplicaStatus {
    return this.#status;
  }

  get verified(): boolean {
    return this.#status.state === "verified";
  }

  /** What a caller is told while this replica cannot serve. */
  get failure(): WireErrorCode {
    return this.#failure;
  }

  /** Verifies the enclave under a nonce of the gateway's own. Calls that overlap share one run; never throws. */
  verify(): Promise<void> {
    this.#running ??= this.#verifyOnce().finally(() => {
      this.#running = undefined;
      this.#lastEndMs = performance.now();
      this.#schedule();
    });
    return this.#running;
  }

  /** Verifies unless that happened a moment ago. */
  async recheck(): Promise<void> {
    if (this.#running || performance.now() - this.#lastEndMs > RECHECK_AFTER_MS) await this.verify();
  }

  /** The enclave could not be reached: whoever answers there next has to prove itself before it gets work. */
  suspect(): void {
    if (this.verified) this.#status = { ...this.#status, state: "unreachable", reasons: ["unreachable"] };
    void this.verify();
  }

  /** Waits for the verification under way, if there is one. */
  async settled(): Promise<void> {
    await this.#running;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #verifyOnce(): Promise<void> {
    const nonce = randomBytes(32).toString("hex");
    try {
      const appraisal = await appraiseEnclave(this.link, this.expected, nonce, this.#nowMs);
      if (appraisal.result.ok && appraisal.result.signingKey) this.#accept(appraisal, appraisal.result.signingKey);
      else this.#refuse("refused", refusalCode(appraisal.result.checks), failedChecks(appraisal.result));
    } catch (error) {
      if (error instanceof EnclaveLinkError && error.code === "unreachable")
        this.#refuse("unreachable", "enclave_unreachable", ["unreachable"]);
      else if (error instanceof EnclaveRefusal) this.#refuse("unreachable", "enclave_unreachable", [`status_${error.status}`]);
      else this.#refuse("refused", "attestation_failed", ["evidence_malformed"]);
    }
  }

  #accept({ result, atMs }: Appraisal, key: Uint8Array): void {
    this.#failures = 0;
    const { model, enclave } = this.#status;
    const { simulated, pinned } = result;
    this.#status = { model, enclave, state: "verified", reasons: [], modelKey: toHex(key), simulated, pinned, verifiedAtMs: atMs };
    if (!this.#stopped) this.#listener(this.#status);
  }

  #refuse(state: "refused" | "unreachable", failure: WireErrorCode, reasons: readonly string[]): void {
    this.#failures++;
    this.#failure = failure;
    this.#status = { ...this.#status, state, reasons };
    if (!this.#stopped) this.#listener(this.#status);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const pauseMs =
      this.#failures === 0 ? this.#intervalMs : Math.min(this.#intervalMs, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10));
    this.#timer = setTimeout(() => void this.verify(), pauseMs).unref();
  }
}
