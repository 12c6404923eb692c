export { type ApiKeyRecord, type ApiKeyStore, createApiKey } from "./api-keys.ts";
export {
  ConfigError,
  type ConfigIssue,
  type GatewayConfig,
  type GatewayLimits,
  type ListenAddress,
  type LogLevel,
  type ModelConfig,
} from "./config.ts";
export { loadConfig } from "./config-file.ts";
export { createGateway, type Gateway, type GatewayAddresses, type GatewayParts, ListenError } from "./gateway.ts";
export type { ReceiptRecord, ReceiptStore } from "./receipt-store.ts";
export type { ReplicaStatus } from "./replica.ts";
