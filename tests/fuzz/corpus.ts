import { createECDH } from "node:crypto";
import { parseQuote } from "../../packages/attestation/src/tdx/quote.ts";
import { addressOf, canonicalJson, createReportData, toHex } from "../../packages/protocol/src/index.ts";
import { createSimulator } from "../../packages/simulator/src/index.ts";
import { collectGpuCorpus, type GpuCorpus } from "./gpu-corpus.ts";
import { noVectors, readJsonVector, readVector } from "../support/vectors.ts";

/** Sound inputs that mutation starts from, by what they are. */
export interface Corpus {
  readonly quotes: readonly Uint8Array[];
  /** Certificate chains as PEM. */
  readonly chains: readonly string[];
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  /** DER. */
  readonly crls: readonly Uint8Array[];
  /** Common JSON shape. */
  readonly collaterals: readonly Readonly<Record<string, string>>[];
  /** Parsed bodies of attestation answers. */
  readonly answers: readonly Readonly<Record<string, unknown>>[];
  readonly policies: readonly unknown[];
  readonly composes: readonly string[];
  /** Compose files in YAML, as compose documents hold them. */
  readonly services: readonly string[];
  /** Texts of `bauta/keys/1`. */
  readonly statements: readonly string[];
  /** DER roots under which the minted inputs stand. */
  readonly roots: readonly Uint8Array[];
  readonly gpu: GpuCorpus;
}

export const CORPUS_NOW_MS = Date.parse("2026-11-20T12:00:00Z");
export const CORPUS_NONCE = "c7".repeat(32);

const REAL_QUOTES = ["v4-phala", "v4-google-ccel-cos113", "v5-google", "v5-automata-alibaba", "v4-intel-qvl-sample", "v4-azure-vtpm"];
const REAL_COLLATERAL = ["2025-06-phala-b0c06f", "2026-02-phala-90c06f", "2023-07-google-50806f", "2025-10-automata-00806f"];

/** Minted inputs, and recorded ones where they are at hand. */
export async function collectCorpus(options: { readonly recorded: boolean }): Promise<Corpus> {
  const simulator = createSimulator({ nowMs: CORPUS_NOW_MS, seed: "fuzz" });
  const ecdh = createECDH("secp256k1");
  ecdh.setPrivateKey("0b".repeat(32), "hex");
  const key = new Uint8Array(ecdh.getPublicKey());
  const quote = await simulator.quote(createReportData(addressOf(key), Buffer.from(CORPUS_NONCE, "hex")));
  const { eventLog, info } = await simulator.describe();
  const minted = { ...simulator.collateral };
  const answer: Record<string, unknown> = {
    nonce: CORPUS_NONCE,
    intel_quote: toHex(quote),
    signing_key: toHex(key),
    signing_address: `0x${toHex(addressOf(key))}`,
    event_log: eventLog,
    info,
    endorsements: minted,
  };
  const policy = simulator.policy("fuzz");
  const policies: unknown[] = [policy, { version: 1, measurements: "any" }, fullPolicy(policy.builds[0])];
  const recorded = options.recorded && !noVectors;
  const quotes = [quote, ...(recorded ? REAL_QUOTES.map((name) => readVector(`tdx/quotes/${name}.bin`)) : [])];
  const collaterals = [
    minted,
    ...(recorded ? REAL_COLLATERAL.map((name) => readJsonVector(`tdx/collateral/${name}.json`) as Record<string, string>) : []),
  ];
  const answers = [answer, ...(recorded ? [recordedAnswer()] : [])];
  const chains = [...quotes.flatMap(chainOf), ...collaterals.flatMap((collateral) => collateral["tcb_info_issuer_chain"] ?? [])];
  const composes = answers.flatMap(composeOf);
  return {
    quotes,
    chains,
    certificates: chains.flatMap(certificatesOf),
    crls: collaterals.flatMap((each) =>
      [each["pck_crl"], each["root_ca_crl"]].map((hex) => Uint8Array.from(Buffer.from(hex ?? "", "hex"))),
    ),
    collaterals,
    answers,
    policies,
    composes,
    services: [...composes.flatMap(servicesOf), MANY_FORMS],
    statements: [keysStatement()],
    roots: [simulator.rootDer],
    gpu: await collectGpuCorpus(CORPUS_NOW_MS, CORPUS_NONCE, options),
  };
}

/** Forms of YAML that simple files do not have. */
const MANY_FORMS = `
x-shared: &shared
  restart: "always"
services:
  one:
    <<: *shared
    image: 'registry.invalid/one@sha256:${"ab".repeat(32)}'
    command: ["sh", "-c", "echo \\"x\\" # no comment"]
    environment: { A: "1", B: \${B:-two} }
    ports: [ "80:80", 443 ]
    volumes:
      - type: bind
        source: /var/run/docker.sock
        target: /var/run/docker.sock
      - data:/data:ro
  two:
    image: two
    entrypoint: |
      line one
        line two
    labels: >-
      folded
      text
volumes: { data: {} }
`;

/** A policy that uses each rule there is. */
function fullPolicy(build: object | undefined): object {
  return {
    version: 1,
    provider: "fuzz",
    builds: [{ ...build, expires: "2030-01-31T12:00:00Z", rtmr3: "00".repeat(48) }],
    allow: { debug: false },
  };
}

function keysStatement(): string {
  return canonicalJson({
    nonce: CORPUS_NONCE,
    model: "e2ee-pocket",
    versions: ["1"],
    key_origin: "boot",
    hpke_key_config: null,
    gpu_evidence_sha256: null,
    weights: [{ name: "model.gguf", sha256: "ab".repeat(32) }],
    engine: { name: "pocket", image_digest: null },
    not_after: 1_800_000_000,
  });
}

/** Without its GPU evidence, which is most of it and has entries of its own. */
function recordedAnswer(): Record<string, unknown> {
  const body = readJsonVector("venice-2026-04-24/0001_api.venice.ai_api_v1_tee_attestation.body") as Record<string, unknown>;
  return { ...body, nvidia_payload: "{}" };
}

function chainOf(quote: Uint8Array): string[] {
  const chain = new TextDecoder().decode(parseQuote(quote).pckChain);
  return chain.startsWith("-----BEGIN") ? [chain] : [];
}

function certificatesOf(chain: string): Uint8Array[] {
  return [...chain.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END/g)].map(([, body]) =>
    Uint8Array.from(Buffer.from(body ?? "", "base64")),
  );
}

function servicesOf(compose: string): string[] {
  const { docker_compose_file: services } = JSON.parse(compose) as { docker_compose_file?: string };
  return services === undefined ? [] : [services];
}

function composeOf(answer: Readonly<Record<string, unknown>>): string[] {
  const parsed = (value: unknown) =>
    (typeof value === "string" ? (JSON.parse(value) as unknown) : value) as Record<string, unknown> | undefined;
  const compose = parsed(parsed(answer["info"])?.["tcb_info"])?.["app_compose"];
  return typeof compose === "string" ? [compose] : [];
}
