import { sha256 } from "../x509/ecdsa.ts";

/**
 * Ends this turn of the event loop: between pieces of synchronous work, so that many of them do not hold up what waits. Web
 * Crypto works elsewhere in every runtime, and answers in a later turn.
 */
export async function nextTurn(): Promise<void> {
  await sha256(new Uint8Array());
}
