import { randomBytes } from "node:crypto";
import { CollateralError } from "@bauta/attestation";
import { toHex, WireError, type WireErrorCode } from "@bauta/protocol";
import { type Appraisal, appraiseEnclave, EnclaveRefusal, type Expectation, failedChecks, refusalCode } from "./appraise-enclave.ts";
import { AttestedConnections } from "./attested-connections.ts";
import { type Askable, EnclaveLinkError } from "./enclave-channel.ts";
import type { EnclaveLink } from "./enclave-link.ts";
import type { Feature } from "./enclave-offers.ts";

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

/** Told about each verification that was due, and each that changed something, for a log. */
export type StatusListener = (status: ReplicaStatus) => void;

/** One enclave serving one model. It gets work only while its last verification passed. */
export class Replica {
  readonly link: EnclaveLink;
  readonly expected: Expectation;
  /** Connections over which the enclave has proven itself: the only way for requests that are not sealed. */
  readonly attested: AttestedConnections;
  readonly #nowMs: () => number;
  readonly #intervalMs: number;
  readonly #listener: StatusListener;
  #status: ReplicaStatus;
  #features: ReadonlySet<Feature> = new Set();
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
    this.attested = new AttestedConnections(
      () => link.connect(),
      (connection) => this.#prove(connection),
    );
    link.onLoss(() => this.#lookSoon());
  }

  get status(): ReplicaStatus {
    return this.#status;
  }

  get verified(): boolean {
    return this.#status.state === "verified";
  }

  /** What its enclave said, last, that this model can do. */
  get features(): ReadonlySet<Feature> {
    return this.#features;
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
    this.attested.stop();
  }

  async #verifyOnce(): Promise<void> {
    try {
      await this.attested.renew();
      await this.#learnFeatures();
    } catch {
      // What it was stands in the status.
    }
    if (!this.#stopped) this.#listener(this.#status);
  }

  async #learnFeatures(): Promise<void> {
    try {
      this.#features = (await this.link.offers(this.expected.timeoutMs)).get(this.expected.model) ?? new Set();
    } catch (error) {
      // It serves all the same, and what it said before still stands.
      if (!(error instanceof EnclaveLinkError)) throw error;
    }
  }

  /**
   * Asks for evidence over one connection; what comes of it is this replica's state.
   * @throws what kept the evidence from being had or accepted
   */
  async #prove(connection: Askable): Promise<void> {
    const nonce = randomBytes(32).toString("hex");
    let appraisal: Appraisal;
    try {
      appraisal = await appraiseEnclave(connection, this.expected, nonce, this.#nowMs);
    } catch (error) {
      if (error instanceof EnclaveLinkError && error.code === "unreachable")
        this.#refuse("unreachable", "enclave_unreachable", ["unreachable"]);
      else if (error instanceof EnclaveRefusal) this.#refuse("unreachable", "enclave_unreachable", [`status_${error.status}`]);
      else this.#refuse("refused", "attestation_failed", [unreadReason(error)]);
      throw error;
    }
    const { result } = appraisal;
    if (result.ok && result.signingKey) return this.#accept(appraisal, result.signingKey);
    const code = refusalCode(result.checks);
    this.#refuse("refused", code, failedChecks(result));
    throw new WireError(code);
  }

  #accept({ result, atMs }: Appraisal, key: Uint8Array): void {
    this.#failures = 0;
    const { model, enclave } = this.#status;
    const { simulated, pinned } = result;
    const modelKey = toHex(key);
    // Another process, which may have another engine.
    if (modelKey !== this.#status.modelKey) this.#features = new Set();
    this.#become({ model, enclave, state: "verified", reasons: [], modelKey, simulated, pinned, verifiedAtMs: atMs });
  }

  #refuse(state: "refused" | "unreachable", failure: WireErrorCode, reasons: readonly string[]): void {
    // Connections that are proven side by side fail side by side, and count once.
    if (this.#running || this.#failures === 0) this.#failures++;
    this.#failure = failure;
    this.attested.distrust();
    this.#become({ ...this.#status, state, reasons });
    if (!this.#running) this.#schedule();
  }

  /** Verifications that were due report themselves; one for a new connection is worth a line if it brought news. */
  #become(status: ReplicaStatus): void {
    const news = status.state !== this.#status.state || status.modelKey !== this.#status.modelKey;
    this.#status = status;
    if (news && !this.#running && !this.#stopped) this.#listener(status);
  }

  /** A connection was lost: looks who is there, at most once in {@link RECHECK_AFTER_MS}. */
  #lookSoon(): void {
    if (this.#stopped) return;
    const sinceMs = performance.now() - this.#lastEndMs;
    if (sinceMs > RECHECK_AFTER_MS) void this.verify();
    else this.#schedule(RECHECK_AFTER_MS - sinceMs);
  }

  #pauseMs(): number {
    return this.#failures === 0 ? this.#intervalMs : Math.min(this.#intervalMs, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10));
  }

  #schedule(pauseMs = this.#pauseMs()): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.verify(), Math.min(pauseMs, this.#pauseMs())).unref();
  }
}

/** Why evidence was not even appraised: an operator who looks at the enclave must not be sent there for want of collateral. */
function unreadReason(error: unknown): string {
  const cause = error instanceof WireError ? error.cause : undefined;
  return cause instanceof CollateralError ? cause.code : "evidence_malformed";
}
