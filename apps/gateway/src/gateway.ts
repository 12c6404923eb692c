import type { Server } from "node:http";
import { type CollateralSource, createAppraiser, type GpuEndorsementSource } from "@bauta/attestation";
import { protectionOf } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { destination, type Logger, pino } from "pino";
import { type ApiKeyStore, createApiKeyList } from "./api-keys.ts";
import { ConfigError, DEFAULTS, findConfigIssues, type GatewayConfig, type ListenAddress, resolveLimits } from "./config.ts";
import { Drain } from "./drain.ts";
import { parseEnclaveUrl } from "./enclave-address.ts";
import { EnclaveLink } from "./enclave-link.ts";
import { openCollateralSource } from "./collateral.ts";
import { openGpuEndorsementSource, withinTime } from "./gpu-endorsements.ts";
import { NrasRelay } from "./nras-relay.ts";
import { createOperatorServer } from "./operator.ts";
import { createMemoryReceiptStore, type ReceiptStore } from "./receipt-store.ts";
import { Replica, type ReplicaStatus } from "./replica.ts";
import { ModelReplicas } from "./replicas.ts";
import type { ServedModel } from "./route-context.ts";
import { addRoutes, refuseUnknown } from "./routes.ts";
import { createServer } from "./server.ts";
import { Receipts } from "./signature.ts";
import { Slots } from "./slots.ts";

/** Connections to an enclave beside those of chat requests, for evidence and receipts. */
const SPARE_CONNECTIONS = 32;

/** What a gateway may be given instead of its defaults. */
export interface GatewayParts {
  /** Gets one line for each request and each verification; never a body, header, key or nonce. */
  readonly logger?: Logger;
  readonly keys?: ApiKeyStore;
  readonly receipts?: ReceiptStore;
  /** Asked for Intel's collateral where an enclave sends none; closed with the gateway. */
  readonly collateral?: CollateralSource;
  /** Asked for what NVIDIA says about an enclave's GPUs where the enclave sends none of it; closed with the gateway. */
  readonly gpuEndorsements?: GpuEndorsementSource;
  /** The clock that evidence is judged by, milliseconds since 1970. */
  readonly nowMs?: () => number;
}

/** Where a gateway listens, as `http://host:port`. */
export interface GatewayAddresses {
  readonly url: string;
  readonly operatorUrl?: string;
}

export interface Gateway {
  /**
   * Opens the ports and begins to verify the enclaves; does not wait for them.
   * @throws ListenError when a port cannot be had
   */
  listen(): Promise<GatewayAddresses>;
  /** Settles when each enclave was asked once, whatever came of it. Never throws. */
  firstVerification(): Promise<readonly ReplicaStatus[]>;
  /** What is known about each enclave now. */
  replicas(): readonly ReplicaStatus[];
  /** Lets answers in progress finish within the grace period, answers 503 meanwhile, then closes everything. */
  close(): Promise<void>;
}

/** A port that could not be opened; the message says which, why, and what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: "address_in_use" | "address_refused";

  constructor(what: string, { host, port }: ListenAddress, cause: NodeJS.ErrnoException) {
    const inUse = cause.code === "EADDRINUSE";
    super(
      inUse
        ? `${what}: port ${port} on ${host} is already in use; stop the other program or choose another port`
        : `${what}: cannot listen on ${host}:${port} (${cause.code ?? "unknown error"})`,
      { cause },
    );
    this.code = inUse ? "address_in_use" : "address_refused";
  }
}

/**
 * Creates a gateway. It can route, verify and relay; it has no means to open a sealed message.
 * @throws ConfigError naming every field that is wrong
 */
export function createGateway(config: GatewayConfig, parts: GatewayParts = {}): Gateway {
  const issues = findConfigIssues(config);
  if (issues.length > 0) throw new ConfigError("configuration", issues);
  const limits = resolveLimits(config.limits, config.keys.length === 1 && !parts.keys);
  const attestation = { ...DEFAULTS.attestation, ...config.attestation };
  const nowMs = parts.nowMs ?? Date.now;
  const logger = parts.logger ?? pino({ level: config.logLevel ?? DEFAULTS.logLevel, base: null }, destination(2));

  const links = new Map<string, EnclaveLink>();
  const linkOf = (origin: string): EnclaveLink => {
    let link = links.get(origin);
    if (!link) links.set(origin, (link = new EnclaveLink(origin, limits.concurrentRequests + SPARE_CONNECTIONS)));
    return link;
  };
  const logStatus = (status: ReplicaStatus) => logger[status.state === "verified" ? "info" : "warn"](status, "enclave");
  const collateral = parts.collateral ?? openCollateralSource(attestation.collateralUrl, nowMs, logger);
  const gpuSource = parts.gpuEndorsements ?? openGpuEndorsementSource(attestation, attestation.timeoutMs, nowMs, logger);
  const appraiser = createAppraiser({
    trustRoots: config.trustRoots,
    nowMs,
    collateral,
    gpuEndorsements: gpuSource && withinTime(gpuSource, attestation.timeoutMs),
    onGpuProblem: ({ code, message }) => logger.warn({ code, message }, "gpu endorsements"),
    backend,
  });
  const nras =
    attestation.nrasUrl === undefined
      ? undefined
      : new NrasRelay(attestation.nrasUrl, attestation.timeoutMs, (call, failure) => logger.warn({ call, failure }, "nras relay"));
  const models = new Map<string, ServedModel>();
  for (const model of config.models) {
    const expected = {
      model: model.id,
      sealed: protectionOf(model.id) === "sealed",
      policy: model.policy,
      appraiser,
      timeoutMs: attestation.timeoutMs,
    };
    const replicas = model.enclaves.map((url) => new Replica(linkOf(originOf(url)), expected, attestation.intervalMs, nowMs, logStatus));
    models.set(model.id, { config: model, replicas: new ModelReplicas(replicas) });
  }
  const all = [...models.values()].flatMap(({ replicas }) => replicas.replicas);
  const statuses = () => all.map((replica) => replica.status);

  const drain = new Drain();
  const app = createServer(limits, drain, refuseUnknown, logger);
  const store = parts.receipts ?? createMemoryReceiptStore({ maxRecords: limits.receipts, maxBytes: limits.receiptBytes });
  addRoutes(app, {
    keys: parts.keys ?? createApiKeyList(config.keys),
    models,
    receipts: new Receipts(store, (origin) => links.get(origin)),
    slots: new Slots(limits.concurrentRequests, limits.concurrentRequestsPerKey),
    receiptSlots: new Slots(limits.concurrentRequests, limits.concurrentRequestsPerKey),
    nras,
    quoteEncoding: config.quoteEncoding ?? DEFAULTS.quoteEncoding,
    createdSeconds: Math.floor(nowMs() / 1000),
    nowMs,
    logger,
  });
  const operator = config.operator && createOperatorServer(() => readiness(statuses(), drain.closing));

  const firstVerification = async () => {
    await Promise.all([...models.values()].map(({ replicas }) => replicas.firstRound()));
    return statuses();
  };
  const shutDown = async () => {
    const whole = await drain.close(config.graceMs ?? DEFAULTS.graceMs);
    if (!whole) logger.warn("the grace period is over; answers in progress are cut");
    for (const replica of all) replica.stop();
    collateral?.close();
    gpuSource?.close();
    await app.close();
    await nras?.close();
    await Promise.all([...links.values()].map((link) => link.close()));
    if (operator?.listening) await new Promise<void>((settle) => operator.close(() => settle()).closeAllConnections());
  };
  let closed: Promise<void> | undefined;

  return {
    async listen() {
      try {
        await app.listen({ ...config.listen }).catch((cause: NodeJS.ErrnoException) => {
          throw new ListenError("listen", config.listen, cause);
        });
        if (operator && config.operator) await openOperator(operator, config.operator);
      } catch (error) {
        await app.close();
        throw error;
      }
      void firstVerification();
      return {
        url: urlOf(app.server, config.listen),
        ...(operator && config.operator && { operatorUrl: urlOf(operator, config.operator) }),
      };
    },
    firstVerification,
    replicas: statuses,
    close: () => (closed ??= shutDown()),
  };
}

function openOperator(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((settle, fail) => {
    server.once("error", (cause) => fail(new ListenError("operator", address, cause)));
    server.listen(address.port, address.host, settle);
  });
}

function readiness(statuses: readonly ReplicaStatus[], closing: boolean): { ready: boolean; body: object } {
  // One model without enclaves must not take the others out of service.
  const ready = !closing && statuses.some(({ state }) => state === "verified");
  return { ready, body: { status: closing ? "closing" : ready ? "ready" : "no_enclave", replicas: statuses } };
}

function originOf(url: string): string {
  const parsed = parseEnclaveUrl(url);
  if ("problem" in parsed) throw new ConfigError("configuration", [{ field: "enclaves", problem: parsed.problem }]);
  return parsed.origin;
}

function urlOf(server: Server, { host, port }: ListenAddress): string {
  const bound = server.address();
  const actual = typeof bound === "object" && bound !== null ? bound.port : port;
  const shown = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${shown.includes(":") ? `[${shown}]` : shown}:${actual}`;
}
