import { type RichChat, type RichFeature, WireError, type WireErrorCode } from "@bauta/protocol";
import type { Engine } from "./engine.ts";

const REFUSALS: Record<RichFeature, WireErrorCode> = {
  tools: "tools_unsupported",
  images: "unsupported_field",
  schemas: "unsupported_field",
  logprobs: "unsupported_field",
};

/**
 * Refuses what an engine cannot honour, before it sees any of it: an answer that ignored an image or a schema would
 * look like one that did not.
 * @throws {WireError} naming the member that asked for it
 */
export function assertFeatures({ features }: Engine, rich: RichChat | undefined): void {
  for (const { feature, param } of rich?.needs ?? []) {
    if (features?.[feature] !== true) throw new WireError(REFUSALS[feature], { param });
  }
}
