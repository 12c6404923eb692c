import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  CertificateError,
  parsePemCertificates,
  parsePolicy,
  PemError,
  type Policy,
  PolicyError,
  sortTrustRoots,
} from "@bauta/attestation";
import { type Document, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import {
  ConfigError,
  type ConfigIssue,
  DEFAULTS,
  findConfigIssues,
  type GatewayConfig,
  type GatewayLimits,
  LOG_LEVELS,
  type ModelConfig,
  resolveLimits,
} from "./config.ts";
import { explainIssue, formatPath, locate, type Path } from "./config-issue.ts";

/** A configuration, policy or root file. */
const MAX_FILE_BYTES = 1024 * 1024;
/** Uses of YAML anchors in one file. */
const MAX_ALIASES = 50;

const port = z.int().min(0).max(65_535);
const address = z.strictObject({ host: z.string().min(1), port });
const seconds = (max: number) => z.number().positive().max(max);
const usd = z.strictObject({ usd: z.number().min(0) });

const fileSchema = z.strictObject({
  listen: address,
  operator: address.optional(),
  keys: z.array(z.strictObject({ name: z.string(), sha256: z.string() })),
  models: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string().min(1),
      context_length: z.int().positive(),
      max_completion_tokens: z.int().positive(),
      pricing: z.strictObject({ input: usd, output: usd }).optional(),
      owned_by: z.string().min(1).optional(),
      reasoning: z.boolean().optional(),
      enclaves: z.array(z.string()),
      policy: z.string().min(1).optional(),
    }),
  ),
  trust_roots: z.array(z.string().min(1)).optional(),
  policy: z.string().min(1).optional(),
  quote_encoding: z.enum(["base64", "hex"]).optional(),
  limits: z
    .strictObject({
      body_bytes: z
        .int()
        .min(1024)
        .max(64 * 1024 * 1024)
        .optional(),
      header_bytes: z
        .int()
        .min(2048)
        .max(1024 * 1024)
        .optional(),
      concurrent_requests: z.int().min(1).max(100_000).optional(),
      concurrent_requests_per_key: z.int().min(1).max(100_000).optional(),
      request_timeout_seconds: seconds(3600).optional(),
      stall_timeout_seconds: seconds(3600).optional(),
      receipts: z.int().min(1).max(10_000_000).optional(),
      receipt_bytes: z.int().min(1024).optional(),
    })
    .optional(),
  attestation: z
    .strictObject({
      interval_seconds: seconds(86_400).optional(),
      timeout_seconds: seconds(300).optional(),
      collateral_url: z.string().min(1).optional(),
      rim_url: z.string().min(1).optional(),
      ocsp_url: z.string().min(1).optional(),
      nras_url: z.string().min(1).optional(),
    })
    .optional(),
  grace_seconds: z.number().min(0).max(3600).optional(),
  log_level: z.enum(LOG_LEVELS).optional(),
});
type ConfigFile = z.infer<typeof fileSchema>;

/**
 * Reads a gateway's configuration: YAML, or JSON, which is YAML too. Paths in it are relative to it.
 * @throws ConfigError with file, line, field and what is allowed, for every issue at once
 */
export async function loadConfig(path: string): Promise<GatewayConfig> {
  const lines = new LineCounter();
  const lineOf = (offset: number) => lines.linePos(offset).line;
  const fail = (problem: string, line?: number) => new ConfigError(path, [{ field: "", problem, ...(line !== undefined && { line }) }]);
  const orFail = (error: unknown): never => {
    throw error instanceof FileProblem ? fail(error.message) : error;
  };
  const text = await readBounded(path).catch(orFail);
  const document = parseDocument(text.toString("utf8"), { lineCounter: lines, prettyErrors: false });
  const syntax = document.errors[0];
  if (syntax) throw fail(syntax.message, lineOf(syntax.pos[0]));
  const at = (fieldPath: Path) => locate(document, fieldPath, lineOf);
  let value: unknown;
  try {
    value = toValue(document);
  } catch (error) {
    orFail(error);
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    // A misspelt field comes first: it explains the missing one.
    const ordered = parsed.error.issues.toSorted((a, b) => Number(b.code === "unrecognized_keys") - Number(a.code === "unrecognized_keys"));
    throw new ConfigError(
      path,
      ordered.flatMap((issue) => explainIssue(issue, fileSchema, document, lineOf)),
    );
  }
  const issues: ConfigIssue[] = [];
  const collect: Collect = async (fieldPath, file, read) => {
    try {
      return read(await readBounded(resolve(dirname(path), file)));
    } catch (error) {
      if (!isContentError(error)) throw error;
      issues.push({ field: formatPath(fieldPath), problem: `${file}: ${error.message}`, ...at(fieldPath) });
      return undefined;
    }
  };
  const config = await resolveFiles(parsed.data, issues, collect, at);
  issues.push(...findConfigIssues(config).map((issue) => ({ ...issue, ...at(parsePath(issue.field)) })));
  if (issues.length > 0) throw new ConfigError(path, issues);
  return config;
}

/** Reads a file that a field names; what is wrong with it becomes an issue of that field. */
type Collect = <T>(fieldPath: Path, file: string, read: (bytes: Buffer) => T) => Promise<T | undefined>;

async function resolveFiles(
  file: ConfigFile,
  issues: ConfigIssue[],
  collect: Collect,
  at: (path: Path) => { line?: number },
): Promise<GatewayConfig> {
  const shared = file.policy === undefined ? undefined : await collect(["policy"], file.policy, readPolicy);
  const models: ModelConfig[] = [];
  for (const [index, model] of file.models.entries()) {
    const policy = model.policy === undefined ? shared : await collect(["models", index, "policy"], model.policy, readPolicy);
    if (model.policy === undefined && file.policy === undefined) {
      const path = ["models", index];
      issues.push({
        field: `${formatPath(path)}.policy`,
        problem: "is missing: name a policy file here, or one for all models at the top",
        ...at(path),
      });
    }
    models.push(toModel(model, policy ?? NOTHING_PASSES));
  }
  const trustRoots: Uint8Array[] = [];
  for (const [index, root] of (file.trust_roots ?? []).entries()) {
    trustRoots.push(...((await collect(["trust_roots", index], root, readRoots)) ?? []));
  }
  const { limits, attestation } = file;
  return {
    listen: file.listen,
    ...(file.operator && { operator: file.operator }),
    keys: file.keys,
    models,
    trustRoots,
    quoteEncoding: file.quote_encoding ?? DEFAULTS.quoteEncoding,
    limits: resolveLimits(toLimits(limits), file.keys.length === 1),
    attestation: {
      intervalMs: inMs(attestation?.interval_seconds) ?? DEFAULTS.attestation.intervalMs,
      timeoutMs: inMs(attestation?.timeout_seconds) ?? DEFAULTS.attestation.timeoutMs,
      ...(attestation?.collateral_url !== undefined && { collateralUrl: attestation.collateral_url }),
      ...(attestation?.rim_url !== undefined && { rimUrl: attestation.rim_url }),
      ...(attestation?.ocsp_url !== undefined && { ocspUrl: attestation.ocsp_url }),
      ...(attestation?.nras_url !== undefined && { nrasUrl: attestation.nras_url }),
    },
    graceMs: inMs(file.grace_seconds) ?? DEFAULTS.graceMs,
    logLevel: file.log_level ?? DEFAULTS.logLevel,
  };
}

/** The limits that the file names, and nothing else. */
function toLimits(limits: ConfigFile["limits"] = {}): Partial<GatewayLimits> {
  const named: { readonly [Name in keyof GatewayLimits]: number | undefined } = {
    bodyBytes: limits.body_bytes,
    headerBytes: limits.header_bytes,
    concurrentRequests: limits.concurrent_requests,
    concurrentRequestsPerKey: limits.concurrent_requests_per_key,
    requestTimeoutMs: inMs(limits.request_timeout_seconds),
    stallTimeoutMs: inMs(limits.stall_timeout_seconds),
    receipts: limits.receipts,
    receiptBytes: limits.receipt_bytes,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

/** Stands in for a policy that could not be read, so that the other issues are found too; never leaves this file. */
const NOTHING_PASSES: Policy = parsePolicy({ version: 1 });

function toModel(model: ConfigFile["models"][number], policy: Policy): ModelConfig {
  return {
    id: model.id,
    name: model.name,
    contextTokens: model.context_length,
    maxCompletionTokens: model.max_completion_tokens,
    ...(model.pricing && { pricing: { inputUsd: model.pricing.input.usd, outputUsd: model.pricing.output.usd } }),
    ...(model.owned_by !== undefined && { ownedBy: model.owned_by }),
    ...(model.reasoning !== undefined && { reasoning: model.reasoning }),
    enclaves: model.enclaves,
    policy,
  };
}

function readPolicy(bytes: Buffer): Policy {
  const document = parseDocument(bytes.toString("utf8"));
  const first = document.errors[0];
  if (first) throw new PolicyError("(whole)", first.message);
  return parsePolicy(toValue(document));
}

function readRoots(bytes: Buffer): Uint8Array[] {
  const roots =
    bytes.subarray(0, 11).toString("latin1") === "-----BEGIN " ? parsePemCertificates(bytes.toString("latin1")) : [new Uint8Array(bytes)];
  sortTrustRoots(roots);
  return [...roots];
}

function isContentError(error: unknown): error is Error {
  return error instanceof FileProblem || error instanceof PolicyError || error instanceof CertificateError || error instanceof PemError;
}

/** Values of a document. One that expands itself with aliases is refused. */
function toValue(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    throw new FileProblem("repeats itself with aliases too often", { cause });
  }
}

/** A file that a configuration names and that cannot be had. */
class FileProblem extends Error {
  override readonly name = "FileProblem";
}

async function readBounded(path: string): Promise<Buffer> {
  let size: number;
  try {
    ({ size } = await stat(path));
    if (size <= MAX_FILE_BYTES) return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new FileProblem(code === "ENOENT" ? "there is no such file" : `cannot be read (${code ?? "unknown error"})`, { cause });
  }
  throw new FileProblem(`has ${size} bytes, more than ${MAX_FILE_BYTES}`);
}

function parsePath(field: string): Path {
  return [...field.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, name, index]) => (index === undefined ? (name as string) : Number(index)));
}

function inMs(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 1000);
}
