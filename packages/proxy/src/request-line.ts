import type { ModelProtection, Outcome } from "@bauta/client";

/** What is told of one request, when its answer has ended. Names and numbers; nothing of what was asked or answered. */
export interface RequestLine {
  readonly method: string;
  /** The resource as this proxy names it; `other` for one that it does not have. */
  readonly path: string;
  /** 499 when the caller was gone before there was one. */
  readonly status: number;
  /** From the first byte of the request to the last of its answer. */
  readonly ms: number;
  readonly model?: string;
  readonly protection?: ModelProtection;
  /** True when the model's enclave is a simulator. */
  readonly simulated?: true;
  /** What the answer is worth; without it none began. */
  readonly outcome?: Outcome["status"];
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  /** The error's code, if the answer is an error. */
  readonly code?: string;
}
