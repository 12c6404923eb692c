import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Certificate } from "../x509/x509.ts";
import { type LoopbackService, startLoopbackService } from "./loopback-service.ts";
import { type MintedCertificate, mintOcspAnswer, type OcspWish } from "./minted-nvidia.ts";

export type NvidiaPiece = "rim" | "ocsp" | "nras" | "jwks";

/** A request as it came. */
export interface NvidiaRequest {
  readonly piece: NvidiaPiece;
  readonly line: string;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** Stands in for NVIDIA's services on loopback; every answer can be replaced. */
export interface ScriptedNvidia extends LoopbackService {
  readonly requests: NvidiaRequest[];
  /** Manifests by name, XML. */
  readonly rims: Map<string, string>;
  /** Whose status is known: by serial number, the issuer and who answers. */
  readonly statuses: Map<string, { readonly cert: Certificate; readonly issuer: Certificate; readonly responder: MintedCertificate }>;
  /** Changes to all OCSP answers. */
  ocspWish: Partial<OcspWish>;
  nras: unknown;
  jwks: unknown;
  /** Runs in place of an answer, while it returns true. */
  script: (request: NvidiaRequest, response: ServerResponse, count: number) => boolean;
  nowMs: number;
}

export async function startScriptedNvidia(nowMs: number): Promise<ScriptedNvidia> {
  const requests: NvidiaRequest[] = [];
  const handle = async (noted: () => void, message: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const request: NvidiaRequest = {
      piece: pieceOf(message.url ?? ""),
      line: `${message.method} ${message.url}`,
      contentType: message.headers["content-type"],
      body: Buffer.concat(chunks),
    };
    requests.push(request);
    noted();
    const count = service.requests.filter(({ piece }) => piece === request.piece).length;
    if (!service.script(request, response, count)) answer(service, request, response);
  };
  const loopback = await startLoopbackService(requests, (...request) => void handle(...request));
  const service: ScriptedNvidia = {
    ...loopback,
    requests,
    rims: new Map(),
    statuses: new Map(),
    ocspWish: {},
    nras: [],
    jwks: { keys: [] },
    script: () => false,
    nowMs,
  };
  return service;
}

function pieceOf(path: string): NvidiaPiece {
  if (path.includes("/v1/rim/")) return "rim";
  if (path.includes("/attest/")) return "nras";
  return path.endsWith("jwks.json") ? "jwks" : "ocsp";
}

function answer(service: ScriptedNvidia, { piece, line, body }: NvidiaRequest, response: ServerResponse): void {
  if (piece === "nras") response.end(JSON.stringify(service.nras));
  else if (piece === "jwks") response.end(JSON.stringify(service.jwks));
  else if (piece === "rim") answerRim(service, line.split("/").at(-1) ?? "", response);
  else response.end(answerOcsp(service, body));
}

function answerRim({ rims }: ScriptedNvidia, id: string, response: ServerResponse): void {
  const xml = rims.get(id);
  if (xml === undefined) response.writeHead(404).end("{}");
  else response.end(JSON.stringify(rimAnswer(id, xml)));
}

/** The RIM service's answer. */
export function rimAnswer(id: string, xml: string): Record<string, string> {
  const sha256 = createHash("sha256").update(xml).digest("hex");
  return { id, rim: Buffer.from(xml).toString("base64"), sha256, last_updated: "2026-05-01T00:00:00", rim_format: "TCG", request_id: "1" };
}

/** Finds the serial number in the request by its bytes, and takes the nonce from its end. */
function answerOcsp({ statuses, ocspWish, nowMs }: ScriptedNvidia, body: Buffer): Uint8Array {
  const known = [...statuses].find(([serial]) => body.includes(Buffer.from(serial, "hex")));
  if (!known) return Uint8Array.of(0x30, 0x03, 0x0a, 0x01, 0x06);
  const [, { cert, issuer, responder }] = known;
  return mintOcspAnswer({ about: { cert, issuer }, responder, nonce: body.subarray(-32), producedMs: nowMs, ...ocspWish });
}
