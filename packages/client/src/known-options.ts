import { nearestName } from "@bauta/attestation/on-demand";
import { ClientError } from "./errors.ts";

/**
 * Refuses options that this client does not know: a rule that somebody meant and misspelled must not be left out in silence.
 * @param where what the options belong to, such as `timeouts.`
 * @throws {ClientError} `invalid_option` naming the option, and the one that was most likely meant
 */
export function assertKnownOptions(options: object, known: readonly string[], where = ""): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const near = nearestName(name, known);
    // A name is the caller's own, but may be any text at all.
    const shown = /^[\w$-]{1,64}$/.test(name) ? name : "one";
    const hint = near === undefined ? `there is: ${known.join(", ")}` : `did you mean ${where}${near}?`;
    throw new ClientError("invalid_option", `${where}${shown} is not an option (${hint})`, { field: `${where}${shown}` });
  }
}
