import { printableJson } from "@bauta/client";
import type { AttestedModel } from "./attested-models.ts";

/** Everything that was found out about the attested models, as JSON; bytes as hex. */
export function toVerificationJson(server: string, models: readonly AttestedModel[], nowMs: number): string {
  const verification = {
    server,
    models: models.map(({ model, protection, result, nonce, attestedAtMs, expiresMs }) => ({
      model,
      protection,
      ok: result.ok,
      simulated: result.simulated,
      pinned: result.pinned,
      debug: result.debug,
      attested_at: toTime(attestedAtMs),
      expires: toTime(expiresMs),
      expired: nowMs >= expiresMs,
      nonce,
      result,
    })),
  };
  return printableJson(verification, 2);
}

/** RFC 3339; null for what never ends. */
export function toTime(ms: number): string | null {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : null;
}
