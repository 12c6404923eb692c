import { attestationAttacks } from "./attack-attestation.ts";
import { bodyAttacks } from "./attack-body.ts";
import { chunkAttacks } from "./attack-chunks.ts";
import { eventLogAttacks } from "./attack-event-log.ts";
import { endAttacks } from "./attack-end.ts";
import { frameAttacks } from "./attack-frames.ts";
import { gpuAttacks } from "./attack-gpus.ts";
import { keysAttacks } from "./attack-keys.ts";
import { orderAttacks } from "./attack-order.ts";
import { platformAttacks } from "./attack-platform.ts";
import { receiptAttacks } from "./attack-receipt.ts";
import { requestAttacks } from "./attack-request.ts";
import { sealedAnswerAttacks } from "./attack-sealed-answer.ts";
import { sealedEndAttacks } from "./attack-sealed-end.ts";
import { sealedKeysAttacks } from "./attack-sealed-keys.ts";
import { sealedReceiptAttacks } from "./attack-sealed-receipt.ts";
import { sealedRequestAttacks } from "./attack-sealed-request.ts";
import type { ConformanceCase } from "./case.ts";
import { harmlessCases } from "./harmless.ts";
import { sealedHarmlessCases } from "./sealed-harmless.ts";

/** Every case of version 1 of the protocol, in the order of a conversation. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...harmlessCases,
  ...attestationAttacks,
  ...platformAttacks,
  ...eventLogAttacks,
  ...keysAttacks,
  ...gpuAttacks,
  ...requestAttacks,
  ...chunkAttacks,
  ...orderAttacks,
  ...endAttacks,
  ...bodyAttacks,
  ...receiptAttacks,
];

/** Every case of version 2, under a policy that asks for requests that are sealed whole. */
export const sealedBodyCases: readonly ConformanceCase[] = [
  ...sealedHarmlessCases,
  ...sealedKeysAttacks,
  ...sealedRequestAttacks,
  ...frameAttacks,
  ...sealedEndAttacks,
  ...sealedAnswerAttacks,
  ...sealedReceiptAttacks,
];
