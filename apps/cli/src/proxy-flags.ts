import type { ConnectionFlags } from "./connection-flags.ts";

/** How a person says what a proxy serves, and to whom. */
export interface ProxyFlags extends Omit<ConnectionFlags, "apiKey"> {
  readonly port: number;
  readonly host: string;
  readonly apiKeyFile?: string;
  readonly localKeyFile?: string;
  readonly models?: readonly string[];
  readonly allowInClear?: readonly string[];
  readonly allowGatewayVisible?: true;
  readonly allowRemote?: true;
  readonly allowHost?: readonly string[];
  readonly allowOrigin?: readonly string[];
  readonly json?: true;
}
