import type { Statement } from "./statement.ts";

/** Everybody whom a result can name as one who could read what is sent, the widest circle first. */
export const READER_IDS = [
  "anyone",
  "simulator-host",
  "gateway",
  "debug-host",
  "platform-breaker",
  "td-operator",
  "any-program",
  "other-build",
  "half-compared-build",
  "images-alone",
  "active-gateway",
  "unknown-programs",
  "programs",
  "container",
  "later-containers",
  "guest-scripts",
  "unknown-settings",
  "loose-images",
  "unnamed-programs",
  "environment",
  "public-logs",
  "key-service",
  "key-holder",
  "gpu-holder",
  "gpu-switches",
] as const;

export type ReaderId = (typeof READER_IDS)[number];

/** One who could read what is sent, or change what reads it: who, and why. */
export type Reader = Statement<ReaderId>;
