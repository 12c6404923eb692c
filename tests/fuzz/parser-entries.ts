import { CollateralError } from "../../packages/attestation/src/collateral/collateral-error.ts";
import { collateralNeed } from "../../packages/attestation/src/collateral/collateral-need.ts";
import { describeCollateral } from "../../packages/attestation/src/collateral/describe-collateral.ts";
import { decodeChain, parseChain } from "../../packages/attestation/src/collateral/issuer-chain.ts";
import { parseCollateral, parseCollateralText } from "../../packages/attestation/src/collateral/parse-collateral.ts";
import { parseCrlHead, readRevocationList } from "../../packages/attestation/src/collateral/revocation-list-text.ts";
import { parseDocumentHead, parseSignedJson } from "../../packages/attestation/src/collateral/signed-json.ts";
import { ComposeError, parseComposeDocument } from "../../packages/attestation/src/dstack/compose-document.ts";
import { parseComposeYaml } from "../../packages/attestation/src/dstack/compose-yaml.ts";
import { replayEventLog } from "../../packages/attestation/src/dstack/event-log.ts";
import {
  appraise,
  CertificateError,
  type Collateral,
  EvidenceError,
  parseAttestationAnswer,
  parseCertificate,
  parsePemCertificates,
  parsePolicy,
  parseQuote,
  parseSgxExtension,
  PemError,
  PolicyError,
  QuoteError,
} from "../../packages/attestation/src/index.ts";
import { CollateralShapeError } from "../../packages/attestation/src/tdx/json-shape.ts";
import { appraisePlatform } from "../../packages/attestation/src/tdx/platform.ts";
import { parseQeIdentity } from "../../packages/attestation/src/tdx/qe-identity.ts";
import { parseTcbInfo } from "../../packages/attestation/src/tdx/tcb-info.ts";
import { parseTrustRoots } from "../../packages/attestation/src/tdx/trust-roots.ts";
import { parseCrl } from "../../packages/attestation/src/x509/crl.ts";
import { DerError } from "../../packages/attestation/src/x509/der.ts";
import { parseKeysStatement } from "../../packages/protocol/src/keys-statement.ts";
import type { Corpus } from "./corpus.ts";
import { CORPUS_NONCE, CORPUS_NOW_MS } from "./corpus.ts";
import { withChain } from "./bombs.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { gpuEntries } from "./gpu-entries.ts";
import { mutateText } from "./mutate-text.ts";
import { derEntry, jsonEntry, jsonTextEntry, MAX_MS, type ParserEntry, textEntry } from "./parser-entry.ts";
import type { Random } from "./random.ts";

const encoder = new TextEncoder();

/** Every parser of the verifier, each with its own sound inputs and its own way of spoiling them. */
export function parserEntries(corpus: Corpus): ParserEntry[] {
  const policy = parsePolicy(corpus.policies[0]);
  const { report } = parseQuote(corpus.quotes[0] ?? new Uint8Array());
  const endorsements = parseCollateral(corpus.collaterals[0]);
  const roots = parseTrustRoots(corpus.roots);
  const platform = (quote: Uint8Array, endorsements: Collateral | undefined) =>
    appraisePlatform({ quote, endorsements, tcb: policy.tcb, allow: policy.allow, nowMs: CORPUS_NOW_MS, roots });
  const members = (name: string) => corpus.collaterals.flatMap((collateral) => collateral[name] ?? []);
  return [
    { name: "quote", form: "bytes", ownErrors: [QuoteError], seeds: corpus.quotes, mutate: mutateBytes, run: parseQuote, maxMs: MAX_MS },
    {
      name: "collateral need",
      form: "bytes",
      ownErrors: [],
      seeds: corpus.quotes,
      mutate: mutateBytes,
      run: collateralNeed,
      maxMs: MAX_MS,
    },
    derEntry("certificate", [CertificateError], corpus.certificates, (input) => parseSgxExtension(parseCertificate(input))),
    derEntry("revocation list", [DerError], corpus.crls, parseCrl),
    derEntry("revocation list's head", [CollateralError], corpus.crls, (input) => {
      const list = readRevocationList(input);
      if (list) parseCrlHead(list, "fuzz");
    }),
    textEntry("PEM", [PemError], corpus.chains, parsePemCertificates),
    textEntry(
      "issuer chain",
      [CollateralError],
      corpus.chains.flatMap((chain) => [chain, encodeURIComponent(chain)]),
      (text) => parseChain(decodeChain(text, "fuzz"), "fuzz"),
    ),
    jsonTextEntry("TCB info", [CollateralShapeError], members("tcb_info"), parseTcbInfo),
    jsonTextEntry("QE identity", [CollateralShapeError], members("qe_identity"), parseQeIdentity),
    jsonTextEntry("signed JSON", [CollateralError], members("tcb_info").map(asSigned), (text) => {
      parseDocumentHead(parseSignedJson(text, "tcbInfo", "fuzz").text, "fuzz");
    }),
    jsonTextEntry(
      "collateral",
      [CollateralError],
      corpus.collaterals.map((each) => JSON.stringify(each)),
      (text) => {
        describeCollateral(parseCollateralText(text));
      },
    ),
    jsonEntry("collateral in an answer", [CollateralError, EvidenceError], corpus.collaterals, parseCollateral),
    jsonEntry("policy", [PolicyError], corpus.policies, (json) => {
      const parsed = parsePolicy(json);
      parsePolicy(JSON.parse(JSON.stringify(parsed)));
    }),
    jsonTextEntry("compose document", [ComposeError], corpus.composes, parseComposeDocument),
    textEntry("compose services", [ComposeError], corpus.services, parseComposeYaml),
    jsonTextEntry("keys statement", [], corpus.statements, parseKeysStatement),
    jsonEntry("attestation answer", [EvidenceError], corpus.answers, parseAttestationAnswer),
    jsonEntry("event log", [EvidenceError], corpus.answers, (json) => {
      const { eventLog, info } = parseAttestationAnswer(json);
      return replayEventLog(report, eventLog, info);
    }),
    {
      ...derEntry("platform, by its quote", [], corpus.quotes, (quote) => platform(quote, endorsements)),
      form: "bytes",
      mutate: mutateQuote,
    },
    jsonEntry("platform, by its collateral", [CollateralError], corpus.collaterals, (json) =>
      platform(corpus.quotes[0] ?? new Uint8Array(), parseCollateral(json)),
    ),
    jsonEntry("appraisal", [EvidenceError], corpus.answers, (json) => {
      const evidence = parseAttestationAnswer(json);
      return appraise({
        evidence,
        endorsements: evidence.endorsements,
        policy,
        nonce: { query: CORPUS_NONCE, sealed: true },
        nowMs: CORPUS_NOW_MS,
        trustRoots: corpus.roots,
      });
    }),
    ...gpuEntries(corpus.gpu, CORPUS_NOW_MS),
  ];
}

/** Mutates a quote's bytes, or the certificates in it. */
function mutateQuote(input: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  const text = Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString("latin1");
  const start = text.indexOf("-----BEGIN");
  if (start < 0 || random.oneIn(3)) return mutateBytes(input, random, other);
  try {
    return withChain(input, encoder.encode(mutateText(text.slice(start), random, text.slice(start))));
  } catch (error) {
    // A quote whose lengths were mutated before has no place for a chain.
    if (error instanceof RangeError) return mutateBytes(input, random, other);
    throw error;
  }
}

function asSigned(tcbInfo: string): string {
  return `{"tcbInfo":${tcbInfo},"signature":"${"a5".repeat(64)}"}`;
}
