import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { createEnclave, type Engine } from "@bauta/enclave";
import type { SimulatedGpus, Simulator } from "@bauta/simulator";

/** A simulator that was asked for GPUs. */
export type GpuSimulator = Simulator & { readonly gpus: SimulatedGpus };

/** All roots that a verifier has to be told, in one PEM text. */
export function rootsOf({ rootDer, gpus }: GpuSimulator): string {
  return [rootDer, gpus.deviceRootDer, gpus.rimRootDer, gpus.nrasRootDer].map(toPem).join("");
}

function toPem(der: Uint8Array): string {
  const base64 = Buffer.from(der).toString("base64").replaceAll(/.{64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

/** NVIDIA's services on loopback, as they would answer about simulated GPUs. */
export interface NvidiaServices {
  readonly url: string;
  /** Flags that have the command ask here. */
  readonly flags: readonly string[];
  /** Method and path of each request. */
  readonly requests: string[];
  /** Manifests that the RIM service has withdrawn, by name. */
  readonly withdrawn: Set<string>;
  close(): Promise<void>;
}

export async function startNvidiaServices({ gpus }: GpuSimulator): Promise<NvidiaServices> {
  const requests: string[] = [];
  const withdrawn = new Set<string>();
  const answer = async (request: IncomingMessage): Promise<string | Uint8Array | undefined> => {
    const { method = "", url = "" } = request;
    const body = await buffer(request);
    requests.push(`${method} ${url}`);
    if (url.startsWith("/rims/v1/rim/")) {
      const id = decodeURIComponent(url.slice("/rims/v1/rim/".length));
      const xml = withdrawn.has(id) ? undefined : gpus.rimsById.get(id);
      return xml === undefined ? undefined : JSON.stringify(toRimAnswer(id, xml));
    }
    if (method === "POST" && url === "/ocsp/") return gpus.answerOcsp(body);
    if (method === "POST" && url === "/nras/v4/attest/gpu") {
      const { nonce } = JSON.parse(body.toString()) as { readonly nonce: string };
      return JSON.stringify((await gpus.nras(Buffer.from(nonce, "hex"))).answer);
    }
    return url === "/nras/.well-known/jwks.json" ? JSON.stringify((await gpus.nras(new Uint8Array(32))).jwks) : undefined;
  };
  const server = createServer((request, response) => {
    void answer(request).then((found) => (found === undefined ? response.writeHead(404).end() : response.end(found)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    flags: ["--rim-url", `${url}/rims`, "--ocsp-url", `${url}/ocsp`, "--nras-url", `${url}/nras`],
    requests,
    withdrawn,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The RIM service's answer. */
export function toRimAnswer(id: string, xml: string): object {
  return { id, rim: Buffer.from(xml).toString("base64"), sha256: createHash("sha256").update(xml).digest("hex"), rim_format: "TCG" };
}

const BRIEF: Engine = {
  name: "brief",
  contextTokens: 1024,
  async *generate() {
    yield { type: "delta", content: "Four." };
    yield { type: "finish", reason: "stop", usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };
  },
  close: async () => {},
};

/**
 * Starts an enclave on the simulator with its GPUs.
 * @param options.endorsed whether its answers bring along what NVIDIA says about them
 */
export async function startGpuEnclave(
  simulator: GpuSimulator,
  model: string,
  { endorsed }: { readonly endorsed: boolean },
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { gpus } = simulator;
  const enclave = createEnclave({
    platform: {
      name: simulator.name,
      teeProvider: simulator.teeProvider,
      teeHardware: simulator.teeHardware,
      simulated: true,
      quote: (reportData) => simulator.quote(reportData),
      describe: () => simulator.describe(),
      endorsements: () => simulator.endorsements(),
      gpuEvidence: (bound) => gpus.payload(bound),
      ...(endorsed && { gpuEndorsements: async () => ({ rims: gpus.rims, ocsp: await gpus.ocsp() }) }),
      close: async () => {},
    },
    models: [{ id: model, engine: BRIEF }],
    nowMs: Date.now,
    allowDebuggableProcess: true,
    log: { level: "silent" },
  });
  const { url } = await enclave.listen({ host: "127.0.0.1", port: 0 });
  return { url, close: () => enclave.close() };
}

/** The attestation answer of such an enclave, as it serves it. */
export async function attestWithGpus(
  simulator: GpuSimulator,
  model: string,
  nonce: string,
  options: { readonly endorsed: boolean },
): Promise<Record<string, unknown>> {
  const enclave = await startGpuEnclave(simulator, model, options);
  try {
    return (await (await fetch(`${enclave.url}/v1/tee/attestation?model=${model}&nonce=${nonce}`)).json()) as Record<string, unknown>;
  } finally {
    await enclave.close();
  }
}
