import type { ChatRole } from "@bauta/protocol";
import { ClientError } from "./errors.ts";

export interface ChatParamMessage {
  readonly role: ChatRole;
  readonly content: string;
}

/** An OpenAI chat completion request. `stream` is always on. */
export interface ChatParams {
  readonly model: string;
  readonly messages: readonly ChatParamMessage[];
  /** Other parameters by their names on the wire: `max_tokens`, `temperature`, `venice_parameters`, … */
  readonly [parameter: string]: unknown;
}

export interface ChatOptions {
  readonly signal?: AbortSignal;
  /**
   * Members of a sealed request that may travel unencrypted although they can carry content, such as `stop` or `user`.
   * The gateway reads them.
   */
  readonly allowInClear?: readonly string[];
  /** Insecure: send to a `tee-*` model although the gateway reads the whole conversation. */
  readonly allowGatewayVisible?: boolean;
}

/** The model's name. @throws {ClientError} `invalid_request` */
export function parseModelName(model: unknown): string {
  if (typeof model === "string" && /^[\x21-\x7e]{1,256}$/.test(model)) return model;
  throw new ClientError("invalid_request", "model must be the name of a model: 1 to 256 printable characters without spaces", {
    field: "model",
  });
}
