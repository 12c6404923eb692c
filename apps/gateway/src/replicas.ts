import { HEADERS, parseModelKey, toHex, WireError } from "@bauta/protocol";
import type { Feature } from "./enclave-offers.ts";
import type { Replica } from "./replica.ts";

/** All replicas of one model. */
export class ModelReplicas {
  readonly replicas: readonly Replica[];
  #firstRound: Promise<unknown> | undefined;
  #turn = 0;

  constructor(replicas: readonly Replica[]) {
    this.replicas = replicas;
  }

  get available(): boolean {
    return this.replicas.some((replica) => replica.verified);
  }

  /** True if each replica that may serve can do this: a request that is not sealed yet may come to any of them. */
  offers(feature: Feature): boolean {
    const serving = this.replicas.filter((replica) => replica.verified);
    return serving.length > 0 && serving.every((replica) => replica.features.has(feature));
  }

  /** Verifies every replica once; later calls return the same promise. */
  firstRound(): Promise<unknown> {
    this.#firstRound ??= Promise.all(this.replicas.map((replica) => replica.verify()));
    return this.#firstRound;
  }

  /**
   * Chooses who gets a request to relay.
   * @param modelKey the `X-Venice-TEE-Model-Pub-Key` header: the replica that holds this key, or none
   * @param tried replicas that turned out to be unreachable
   * @throws WireError `invalid_public_key`, `unknown_model_key`, or why no replica serves
   */
  async forRequest(modelKey: string | undefined, tried: ReadonlySet<Replica>): Promise<Replica> {
    if (!this.available) await this.#verdicts(tried);
    if (modelKey === undefined) return this.#leastLoaded((replica) => replica.verified && !tried.has(replica)) ?? this.#fail(this.replicas);
    const parsed = parseModelKey(modelKey);
    if (!parsed) throw new WireError("invalid_public_key", { param: HEADERS.modelPublicKey });
    const key = toHex(parsed);
    const holds = (replica: Replica) => replica.status.modelKey === key;
    const find = () => this.#leastLoaded((replica) => holds(replica) && replica.verified && !tried.has(replica));
    let found = find();
    if (!found) {
      // Another gateway may have attested a key that is newer than our last look.
      if (this.replicas.some(holds)) await this.#verdicts(tried);
      else await Promise.all(this.replicas.map((replica) => replica.recheck()));
      found = find();
    }
    if (found) return found;
    // Nobody who could open it serves now. Another who serves can be attested and sealed to: nothing was sent yet.
    const others = this.replicas.some((replica) => replica.verified && !holds(replica));
    if (others) throw new WireError("unknown_model_key", { param: HEADERS.modelPublicKey });
    const holders = this.replicas.filter(holds);
    return this.#fail(holders.length > 0 ? holders : this.replicas);
  }

  /** Chooses who answers an attestation request: a verified replica, or any that may say why it is none. */
  async forAttestation(tried: ReadonlySet<Replica>): Promise<Replica> {
    if (!this.available) await this.#verdicts(tried);
    const untried = (replica: Replica) => !tried.has(replica);
    return (
      this.#leastLoaded((replica) => replica.verified && untried(replica)) ??
      this.#leastLoaded((replica) => replica.status.state === "refused" && untried(replica)) ??
      this.#leastLoaded(untried) ??
      this.#fail(this.replicas)
    );
  }

  /** Waits for the verifications under way, the first ones included. */
  async #verdicts(tried: ReadonlySet<Replica>): Promise<void> {
    if (this.replicas.some((replica) => replica.status.state === "pending")) await this.firstRound();
    await Promise.all(this.replicas.filter((replica) => !tried.has(replica)).map((replica) => replica.settled()));
  }

  #leastLoaded(eligible: (replica: Replica) => boolean): Replica | undefined {
    const candidates = this.replicas.filter(eligible);
    if (candidates.length < 2) return candidates[0];
    const least = Math.min(...candidates.map((replica) => replica.link.inFlight));
    const idle = candidates.filter((replica) => replica.link.inFlight === least);
    return idle[this.#turn++ % idle.length];
  }

  #fail(replicas: readonly Replica[]): never {
    // An enclave that answers but cannot prove itself says more than one that does not answer.
    const code = replicas.find((replica) => replica.status.state === "refused")?.failure ?? "enclave_unreachable";
    throw new WireError(code, code === "enclave_unreachable" ? { retryAfterSeconds: 1 } : {});
  }
}
