import { toBase64, toHex, utf8 } from "@bauta/protocol";
import { CollateralError } from "../collateral/collateral-error.ts";
import { type Fetch, type RequestLimits, waitByTimer } from "../collateral/request-piece.ts";
import { decodeText } from "../collateral/signed-json.ts";
import { sha256 } from "../x509/ecdsa.ts";
import type { Certificate } from "../x509/x509.ts";
import { createGpuMemoryStore, type GpuEndorsements, type GpuEndorsementStore } from "./gpu-endorsements.ts";
import {
  checkRimId,
  MAX_KEY_SET_BYTES,
  MAX_NRAS_ANSWER_BYTES,
  MAX_RIM_ANSWER_BYTES,
  ocspName,
  ocspText,
  readJson,
  readOcspAnswer,
  readRimAnswer,
} from "./gpu-pieces.ts";
import { gpuServiceAddresses, type GpuServiceUrls } from "./gpu-service-address.ts";
import { type IssuedCertificate, issuedCertificates } from "./issued-certificate.ts";
import { hasKeys, keyIdsOf, nrasBody, type NrasRequest, type NrasVersion } from "./nras-request.ts";
import { createOcspRequest, OCSP_NONCE_BYTES } from "./ocsp-request.ts";
import { MAX_OCSP_BYTES } from "./ocsp-response.ts";
import { createPausingRequester } from "./pausing-requester.ts";
import { createPieceCache, type Piece } from "./piece-cache.ts";
import { rimPath } from "./rim-path.ts";
import { createSharedFlights } from "./shared-flights.ts";

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_WAIT_MS = 15_000;
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A manifest does not change under its name; asking again each day finds it withdrawn. */
const RIM_LIFE_MS = 24 * 60 * 60_000;
/** OCSP answers hold for a day; one that says longer is asked for again all the same. */
const MAX_OCSP_LIFE_MS = 24 * 60 * 60_000;
/** NRAS's keys live for two days, and new ones come every few hours. One that is not there yet is asked for at once. */
const KEY_SET_LIFE_MS = 60 * 60_000;

export interface GpuEndorsementSourceOptions extends GpuServiceUrls {
  readonly fetch: Fetch;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Where pieces outlive this source; memory unless given. */
  readonly store?: GpuEndorsementStore;
  /** One request with its body; 10 s unless given. */
  readonly timeoutMs?: number;
  /** The longest Retry-After that is waited for; 15 s unless given. */
  readonly maxWaitMs?: number;
  /** Version of NRAS's attestation call; v4 unless given. */
  readonly nrasVersion?: NrasVersion;
  /** Insecure: plain http to hosts other than this machine. What comes is signed, but newer answers can be kept back. */
  readonly allowInsecureHttp?: boolean;
  /** Told what does not fail a fetch: a store that failed. */
  readonly onProblem?: (problem: CollateralError) => void;
  /** Waits between attempts; the platform's timer unless given. */
  readonly wait?: RequestLimits["wait"];
}

/** What GPU evidence needs beside itself. */
export interface GpuEndorsementNeed {
  /** Names of manifests. */
  readonly rimIds: readonly string[];
  /** Of each device: certificates whose status is asked for, each followed by its issuer. */
  readonly paths: readonly (readonly Certificate[])[];
  /** Roots of manifests: those leave theirs out. */
  readonly rimRoots: readonly Certificate[];
  /** Asks for NVIDIA's second opinion as well: it is sent the evidence. */
  readonly nras?: NrasRequest;
}

/** What could be fetched, and what could not. */
export interface FetchedGpuEndorsements {
  readonly endorsements: GpuEndorsements;
  readonly problems: readonly CollateralError[];
}

/** Gives endorsements that are within their dates; nothing in them has been verified, which is the appraisal's work. */
export interface GpuEndorsementSource {
  /** All that evidence needs. Pieces that cannot be had are left out and named. @throws the signal's reason when it is aborted */
  fetch(need: GpuEndorsementNeed, signal?: AbortSignal): Promise<FetchedGpuEndorsements>;
  /** One manifest, XML. @throws CollateralError; the signal's reason */
  rim(id: string, signal?: AbortSignal): Promise<string>;
  /** The OCSP answer about one certificate, DER. @throws CollateralError; the signal's reason */
  ocsp(pair: IssuedCertificate, signal?: AbortSignal): Promise<Uint8Array>;
  /** NVIDIA's second opinion with its key set, as parsed JSON. @throws CollateralError; the signal's reason */
  nras(request: NrasRequest, signal?: AbortSignal): Promise<{ readonly token: unknown; readonly jwks: unknown }>;
  /** Ends what runs in the background. */
  close(): void;
}

/**
 * Fetches what NVIDIA's GPUs are judged by: manifests, OCSP answers, NRAS's opinion and its keys. Each piece is kept for as
 * long as it holds, and callers who need the same one share one request. A service that asks to be left alone is.
 * @throws CollateralError (`collateral_settings`) for an address or time that cannot be used
 */
export function createGpuEndorsementSource(options: GpuEndorsementSourceOptions): GpuEndorsementSource {
  const { nowMs, store = createGpuMemoryStore(), nrasVersion = "v4", onProblem = () => {} } = options;
  const addresses = gpuServiceAddresses(options, nrasVersion, options.allowInsecureHttp ?? false);
  const limits: RequestLimits = {
    fetch: options.fetch,
    nowMs,
    wait: options.wait ?? waitByTimer,
    timeoutMs: checkTimer("timeoutMs", options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
    maxWaitMs: checkTimer("maxWaitMs", options.maxWaitMs ?? DEFAULT_MAX_WAIT_MS),
  };
  const flights = createSharedFlights<string>();
  const request = createPausingRequester(limits);
  const obtain = createPieceCache({ nowMs, store, onProblem, flights });

  const rimPiece = (id: string): Piece => {
    const url = addresses.rim(checkRimId(id));
    const content = { notFound: "NVIDIA has no manifest of this name, or has withdrawn it" };
    return {
      key: `rim/${new URL(url).host}/${id}`,
      request: async (signal) => readRimAnswer(await request(`rim ${id}`, url, MAX_RIM_ANSWER_BYTES, signal, content), id),
      until: async ({ fetchedMs }) => fetchedMs + RIM_LIFE_MS,
    };
  };

  const ocspPiece = async (pair: IssuedCertificate): Promise<Piece> => ({
    // The request without a nonce names the certificate and nothing else.
    key: `ocsp/${new URL(addresses.ocsp).host}/${toHex(await sha256(await createOcspRequest(pair)))}`,
    async request(signal) {
      const nonce = crypto.getRandomValues(new Uint8Array(OCSP_NONCE_BYTES));
      const headers = { "content-type": "application/ocsp-request", accept: "application/ocsp-response" };
      const content = { body: await createOcspRequest(pair, nonce), headers };
      const body = await request(ocspName(pair), addresses.ocsp, MAX_OCSP_BYTES, signal, content);
      await readOcspAnswer(body, pair, nonce);
      return ocspText.write(body);
    },
    // Bad news is not kept: it may be withdrawn.
    async until({ text, fetchedMs }) {
      const { status, nextUpdateMs } = await readOcspAnswer(ocspText.read(text), pair);
      return status === "good" && nextUpdateMs !== undefined ? Math.min(nextUpdateMs, fetchedMs + MAX_OCSP_LIFE_MS) : undefined;
    },
  });

  const keySetPiece = (keyIds: readonly string[]): Piece => ({
    key: `jwks/${new URL(addresses.keySet).host}`,
    // Callers who need other keys do not share: what is at hand may have the one's and not the other's.
    sharedBy: keyIds.toSorted().join(" "),
    request: async (signal) => decodeText(await request("nras jwks", addresses.keySet, MAX_KEY_SET_BYTES, signal), "nras jwks"),
    async until({ text, fetchedMs }) {
      const keySet = readJson(utf8(text), "nras jwks");
      return hasKeys(keySet, keyIds) ? fetchedMs + KEY_SET_LIFE_MS : undefined;
    },
  });

  const attest = async (asked: NrasRequest, signal: AbortSignal | undefined): Promise<unknown> => {
    const body = utf8(JSON.stringify(nrasBody(asked, nrasVersion)));
    const content = { body, headers: { "content-type": "application/json", accept: "application/json" } };
    const ask = async (stop: AbortSignal) =>
      decodeText(await request("nras", addresses.attest, MAX_NRAS_ANSWER_BYTES, stop, content), "nras");
    // The nonce makes each answer good for one appraisal: it is shared while it is on its way, and not kept.
    return readJson(utf8(await flights.join(`nras/${toHex(await sha256(body))}`, ask, signal)), "nras");
  };

  const source: GpuEndorsementSource = {
    rim: async (id, signal) => obtain(rimPiece(id), signal),
    ocsp: async (pair, signal) => ocspText.read(await obtain(await ocspPiece(pair), signal)),
    async nras(asked, signal) {
      const token = await attest(asked, signal);
      const keySet = await obtain(keySetPiece(keyIdsOf(token)), signal);
      return { token, jwks: readJson(utf8(keySet), "nras jwks") };
    },
    async fetch({ rimIds, paths, rimRoots, nras }, signal) {
      const problems: CollateralError[] = [];
      const orProblem = async <T>(work: Promise<T>): Promise<T | undefined> => {
        try {
          return await work;
        } catch (error) {
          if (!(error instanceof CollateralError)) throw error;
          problems.push(error);
          return undefined;
        }
      };
      const statuses = (path: readonly Certificate[]) =>
        Promise.all(issuedCertificates(path).map((pair) => orProblem(source.ocsp(pair, signal))));
      const [manifests, devices, opinion] = await Promise.all([
        Promise.all(
          [...new Set(rimIds)].map(async (id) => {
            const rim = await orProblem(source.rim(id, signal));
            return { rim, answers: rim === undefined ? [] : await statuses(rimPath(rim, rimRoots)) };
          }),
        ),
        Promise.all(paths.map(statuses)),
        nras && orProblem(source.nras(nras, signal)),
      ]);
      const rims = manifests.flatMap(({ rim = [] }) => rim);
      const answers = [...manifests.flatMap(({ answers: some }) => some), ...devices.flat()].filter((der) => der !== undefined);
      const ocsp = [...new Map(answers.map((der) => [toBase64(der), der])).values()];
      return { endorsements: { rims, ocsp, ...(opinion && { nras: opinion }) }, problems: uniqueProblems(problems) };
    },
    close: () => flights.close(),
  };
  return source;
}

function checkTimer(field: string, ms: number): number {
  if (ms > 0 && ms <= MAX_TIMER_MS) return ms;
  throw new CollateralError("collateral_settings", field, `must be above 0 and at most ${MAX_TIMER_MS} milliseconds`);
}

/** GPUs share certificates, and so the problems with them. */
function uniqueProblems(problems: readonly CollateralError[]): readonly CollateralError[] {
  return [...new Map(problems.map((problem) => [problem.message, problem])).values()];
}
