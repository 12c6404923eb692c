import type { Policy } from "../policy/policy.ts";

/**
 * What is sealed of a request:
 * - `body`: all of it, under version 2 of the protocol;
 * - `messages`: each message by itself, under version 1, which an active gateway can make use of;
 * - `none`: nothing, so that the gateway reads it.
 */
export type Sealing = "body" | "messages" | "none";

/**
 * Decides what is sealed of a request, by the policy and by what the model's name promises. Clients send by it, and reports
 * speak by it.
 * @param named what the name promises: sealed messages, or nothing
 */
export function chooseSealing({ protocol }: Pick<Policy, "protocol">, named: "messages" | "none"): Sealing {
  return protocol === 2 ? "body" : named;
}
