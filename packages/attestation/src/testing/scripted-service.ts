import type { IncomingMessage, ServerResponse } from "node:http";
import type { Collateral } from "../collateral/collateral.ts";
import { type LoopbackService, startLoopbackService } from "./loopback-service.ts";

export type PieceName = "tcb" | "qe" | "pckcrl" | "rootcrl";

/** An HTTP service on loopback with the paths of Intel's, whose every answer a test can replace. */
export interface ScriptedService extends LoopbackService {
  /** Requests in order, as method and path with query. */
  readonly requests: string[];
  collateral: Collateral;
  /** Runs in place of the answer for a piece, while it returns true. */
  script: (piece: PieceName, response: ServerResponse, count: number) => boolean;
}

export async function startScriptedService(collateral: Collateral): Promise<ScriptedService> {
  const requests: string[] = [];
  const answer = (noted: () => void, request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`);
    noted();
    const path = request.url ?? "";
    const piece: PieceName = path.includes("/tcb?")
      ? "tcb"
      : path.includes("/qe/")
        ? "qe"
        : path.includes("/pckcrl?")
          ? "pckcrl"
          : "rootcrl";
    const count = service.requests.filter((line) => line.includes(path)).length;
    if (!service.script(piece, response, count)) answerPiece(service.collateral, piece, response);
  };
  const loopback = await startLoopbackService(requests, answer);
  const service: ScriptedService = {
    ...loopback,
    requests,
    collateral,
    script: () => false,
  };
  return service;
}

/** Answers as Intel's service does. */
export function answerPiece(collateral: Collateral, piece: PieceName, response: ServerResponse): void {
  const chain = (pem: string) => encodeURIComponent(pem);
  if (piece === "tcb") {
    response.setHeader("TCB-Info-Issuer-Chain", chain(collateral.tcb_info_issuer_chain));
    response.end(`{"tcbInfo":${collateral.tcb_info},"signature":"${collateral.tcb_info_signature}"}`);
  } else if (piece === "qe") {
    response.setHeader("SGX-Enclave-Identity-Issuer-Chain", chain(collateral.qe_identity_issuer_chain));
    response.end(`{"enclaveIdentity":${collateral.qe_identity},"signature":"${collateral.qe_identity_signature}"}`);
  } else if (piece === "pckcrl") {
    response.setHeader("SGX-PCK-CRL-Issuer-Chain", chain(collateral.pck_crl_issuer_chain));
    response.end(Buffer.from(collateral.pck_crl, "hex"));
  } else {
    // As a PCCS: hex.
    response.end(collateral.root_ca_crl);
  }
}
