import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { type Attestation, type Client, ClientError, printableJson, printableLine, RefusalError } from "@bauta/client";
import { createAttestedModels, createProxy, keepAttested, type RequestLine } from "@bauta/proxy";
import { connect } from "./connect.ts";
import { CommandError, EXIT } from "./exit.ts";
import type { ProxyFlags } from "./proxy-flags.ts";
import { readKeyFile } from "./proxy-key-file.ts";
import { showRequestLine, toRequestJson } from "./proxy-log.ts";
import { type ProxyServer, serveProxy } from "./proxy-server.ts";
import { showObstacles, showVerdict } from "./show-attestation.ts";
import { createTerminal, type Terminal } from "./terminal.ts";
import { untilStopped } from "./until-stopped.ts";

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/**
 * Serves a proxy until it is told to stop.
 * @throws {CommandError} naming the flag, file or address that cannot be used
 */
export async function runProxy(flags: ProxyFlags): Promise<void> {
  const screen = createScreen(flags.json === true);
  const localKey = await readKey(flags.localKeyFile, "BAUTA_LOCAL_KEY", screen.warn);
  const hosts = readHosts(flags, localKey !== undefined);
  const origins = (flags.allowOrigin ?? []).map(readOrigin);
  const { apiKeyFile, allowGatewayVisible = false, allowInClear = [], models = [], ...connection } = flags;
  const apiKey = await readKey(apiKeyFile, "BAUTA_API_KEY", screen.warn);
  if (apiKey === undefined) throw new CommandError("no API key: name its file with --api-key-file, or set BAUTA_API_KEY", EXIT.usage);
  const { client } = await connect({ ...connection, apiKey }, { allowGatewayVisible, allowInClear });

  const stopped = untilStopped();
  const nowMs = Date.now;
  const attested = createAttestedModels({ nowMs });
  const handler = createProxy({
    client,
    nowMs,
    attested,
    upstreamModels: allowGatewayVisible ? ["sealed", "gateway-visible"] : ["sealed"],
    ...(localKey !== undefined && { localKey }),
    hosts,
    origins,
    onRequest: screen.request,
  });
  const server = await serveProxy(handler, flags);
  screen.start(server.url, client, flags);
  const kept = keepAttested({
    client,
    attested,
    models,
    nowMs,
    onAttested: createChangeTeller(screen),
    onProblem: (model, error) => screen.warn(`${printableLine(model)}: could not be attested, and will be tried again: ${describe(error)}`),
  });
  await stopped;
  kept.stop();
  screen.stopping(server);
  await server.close();
}

/** @throws {CommandError} naming the file; status 2 */
async function readKey(file: string | undefined, variable: string, warn: (problem: string) => void): Promise<string | undefined> {
  if (file !== undefined) return readKeyFile(file, warn);
  const key = process.env[variable];
  if (key === undefined || key === "") return undefined;
  if (!/^[\x21-\x7e]{1,4096}$/.test(key)) throw new CommandError(`${variable}: holds no key, which has no spaces or line ends`, EXIT.usage);
  return key;
}

/**
 * The names, beside this machine's own, by which callers may call.
 * @throws {CommandError} when other machines could call without it being said, or without a key; status 2
 */
function readHosts({ host, allowRemote, allowHost = [] }: ProxyFlags, hasLocalKey: boolean): string[] {
  if (LOOPBACK.test(host)) return allowHost.map(readHost);
  if (!allowRemote) {
    const why = "lets other machines call, and what they ask then crosses the network in clear; give --allow-remote if that is meant";
    throw new CommandError(`--host ${printableLine(host, 80)}: ${why}`, EXIT.usage);
  }
  if (!hasLocalKey) {
    throw new CommandError("--allow-remote: whoever reaches it could spend your API key; give --local-key-file too", EXIT.usage);
  }
  // Every address of this machine, where it listens on all: a page's name that resolves to one of them is still refused.
  const listening = ["0.0.0.0", "::"].includes(host)
    ? Object.values(networkInterfaces()).flatMap((entries = []) => entries.map(({ address }) => address))
    : [host];
  return [...listening, ...allowHost].map(readHost);
}

/** A name or address as URLs write it. @throws {CommandError} status 2 */
function readHost(name: string): string {
  const [address = ""] = name.split("%");
  const url = isIPv6(address) ? `http://[${address}]/` : `http://${name}/`;
  if ((isIPv6(address) || /^[\w-]+(?:\.[\w-]+)*$/.test(name)) && URL.canParse(url)) return new URL(url).hostname;
  throw new CommandError(`--allow-host ${printableLine(name, 80)}: give a name or an address, without scheme and port`, EXIT.usage);
}

/** @throws {CommandError} status 2 */
function readOrigin(text: string): string {
  const origin = URL.canParse(text) ? new URL(text).origin : "null";
  // Apps with schemes of their own send an origin that has no standard form.
  const given = origin === "null" && /^[a-z][a-z0-9+.-]{0,39}:\/\/[\w.-]{1,200}$/.test(text) ? text : origin;
  if (given !== "null" && (text === given || text === `${given}/`)) return given;
  throw new CommandError(
    `--allow-origin ${printableLine(text, 80)}: give scheme, name and port alone, such as http://localhost:3000`,
    EXIT.usage,
  );
}

/** What a run tells, on standard output; problems go to standard error. */
interface Screen {
  readonly start: (url: string, client: Client, flags: ProxyFlags) => void;
  readonly request: (line: RequestLine) => void;
  readonly attested: (attestation: Attestation) => void;
  readonly warn: (problem: string) => void;
  readonly stopping: (server: ProxyServer) => void;
}

function createScreen(json: boolean): Screen {
  const terminal = createTerminal();
  const problems = createTerminal(process.stderr);
  return {
    start: (url, client, flags) => (json ? terminal.line(toStartJson(url, client)) : showStart(terminal, url, client, flags)),
    request: (line) => (json ? terminal.line(toRequestJson(line, new Date())) : showRequestLine(terminal, line, new Date())),
    attested({ model, result }) {
      if (json && result.ok) return;
      // With JSON only what goes wrong is told, where problems are.
      const place = json ? problems : terminal;
      showVerdict(place, model, result);
      showObstacles(place, result);
    },
    warn: (problem) => problems.line(problems.warn(problem)),
    stopping(server) {
      const count = server.inFlight();
      if (count > 0) problems.line(problems.dim(`finishing ${count} answer${count === 1 ? "" : "s"}; Ctrl-C again stops at once`));
    },
  };
}

function toStartJson(url: string, { baseURL }: Client): string {
  return printableJson({ proxy: `${url}/v1`, status: `${url}/`, verification: `${url}/verification`, server: baseURL });
}

function showStart({ line, bold, dim, warn }: Terminal, url: string, { baseURL }: Client, flags: ProxyFlags): void {
  line(`${bold("Bauta proxy")} for ${printableLine(baseURL)}`);
  line();
  line(`  base URL  ${url}/v1`);
  line(`  status    ${url}/`);
  line(`  callers   ${(flags.localKeyFile ?? process.env["BAUTA_LOCAL_KEY"]) ? "with the local key" : "any program on this machine"}`);
  if (flags.allowRemote) line(`  ${warn("INSECURE: other machines may call, and what they ask crosses the network in clear")}`);
  if (flags.allowInClear) line(`  ${warn(`in clear  ${flags.allowInClear.join(", ")}: the gateway reads these`)}`);
  if (flags.allowGatewayVisible) line(`  ${warn("INSECURE: the gateway reads what is asked of tee-… models")}`);
  if (flags.allowUnpinned) line(`  ${warn("INSECURE: which program runs in an enclave is not compared with anything")}`);
  line();
  line(dim("Ctrl-C stops it. One line for each request:"));
}

/** Attestations are made again and again: told is the first, and one that ends otherwise than that before. */
function createChangeTeller(screen: Screen): (attestation: Attestation) => void {
  const before = new Map<string, boolean>();
  return (attestation) => {
    const { model, result } = attestation;
    if (before.get(model) !== result.ok) screen.attested(attestation);
    before.set(model, result.ok);
  };
}

function describe(error: unknown): string {
  return error instanceof ClientError || error instanceof RefusalError ? printableLine(error.message) : "an unexpected failure";
}
