import type { AnswerFamily } from "../answer-case.ts";
import type { PlatformFamily } from "../platform-case.ts";
import { answerBindingCases } from "./answer-binding-cases.ts";
import { bootFamilies } from "./answer-boot-cases.ts";
import { dstackFamilies } from "./answer-dstack-cases.ts";
import { gpuFamilies } from "./answer-gpu-cases.ts";
import { certificateCases } from "./certificate-cases.ts";
import { moduleCases } from "./module-cases.ts";
import { quoteCases } from "./quote-cases.ts";
import { quotingEnclaveCases } from "./quoting-enclave-cases.ts";
import { revocationCases } from "./revocation-cases.ts";
import { signedDocumentCases } from "./signed-document-cases.ts";
import { tcbLevelCases } from "./tcb-level-cases.ts";
import { tdStateCases } from "./td-state-cases.ts";

/** All cases of platforms, family by family. */
export const platformFamilies: readonly PlatformFamily[] = [
  quoteCases,
  certificateCases,
  revocationCases,
  signedDocumentCases,
  tcbLevelCases,
  moduleCases,
  quotingEnclaveCases,
  tdStateCases,
];

/** All cases of whole answers, family by family. */
export const answerFamilies: readonly AnswerFamily[] = [answerBindingCases, ...bootFamilies, ...dstackFamilies, ...gpuFamilies];
