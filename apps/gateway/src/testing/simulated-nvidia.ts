import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { SimulatedGpus } from "@bauta/simulator";

/** A request as it came. */
export interface NvidiaRequest {
  /** Method and path with query. */
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Stands in for NVIDIA's services on loopback, about simulated GPUs: manifests, OCSP, NRAS and its keys. */
export interface SimulatedNvidia {
  readonly url: string;
  readonly requests: NvidiaRequest[];
  /** Runs in place of an answer, while it returns true. */
  script: (request: NvidiaRequest, response: ServerResponse) => boolean;
  /** Resolves when a request has come whose line holds this. */
  requested(part: string): Promise<void>;
  close(): Promise<void>;
}

export async function startSimulatedNvidia(gpus: SimulatedGpus): Promise<SimulatedNvidia> {
  const waiting: (() => void)[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const request = { line: `${message.method} ${message.url}`, headers: message.headers, body: Buffer.concat(chunks) };
      service.requests.push(request);
      for (const check of waiting) check();
      if (!service.script(request, response)) void answer(gpus, request).then((body) => finish(response, body));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const service: SimulatedNvidia = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    script: () => false,
    requested: (part) =>
      new Promise((resolve) => {
        const check = () => {
          if (service.requests.some(({ line }) => line.includes(part))) resolve();
        };
        waiting.push(check);
        check();
      }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return service;
}

function finish(response: ServerResponse, body: unknown): void {
  if (body === undefined) response.writeHead(404).end("{}");
  else if (body instanceof Uint8Array) response.end(body);
  else response.setHeader("content-type", "application/json").end(JSON.stringify(body));
}

async function answer(gpus: SimulatedGpus, { line, body }: NvidiaRequest): Promise<unknown> {
  if (line === "POST /v4/attest/gpu") {
    const { nonce } = JSON.parse(body.toString()) as { nonce: string };
    return (await gpus.nras(Buffer.from(nonce, "hex"))).answer;
  }
  if (line === "GET /.well-known/jwks.json") return (await gpus.nras(new Uint8Array(32))).jwks;
  if (line === "POST /") return gpus.answerOcsp(body);
  const id = decodeURIComponent(/^GET \/v1\/rim\/(.+)$/.exec(line)?.[1] ?? "");
  const xml = gpus.rimsById.get(id);
  return xml === undefined ? undefined : { id, rim: Buffer.from(xml).toString("base64"), rim_format: "TCG" };
}
