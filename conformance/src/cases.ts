import { attestationAttacks } from "./attack-attestation.ts";
import { bodyAttacks } from "./attack-body.ts";
import { chunkAttacks } from "./attack-chunks.ts";
import { eventLogAttacks } from "./attack-event-log.ts";
import { endAttacks } from "./attack-end.ts";
import { keysAttacks } from "./attack-keys.ts";
import { orderAttacks } from "./attack-order.ts";
import { platformAttacks } from "./attack-platform.ts";
import { receiptAttacks } from "./attack-receipt.ts";
import { requestAttacks } from "./attack-request.ts";
import type { ConformanceCase } from "./case.ts";
import { harmlessCases } from "./harmless.ts";

/** Every case, in the order of a conversation. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...harmlessCases,
  ...attestationAttacks,
  ...platformAttacks,
  ...eventLogAttacks,
  ...keysAttacks,
  ...requestAttacks,
  ...chunkAttacks,
  ...orderAttacks,
  ...endAttacks,
  ...bodyAttacks,
  ...receiptAttacks,
];
