import { createServer, type Server } from "node:http";

/** What `/readyz` reports. */
export interface Readiness {
  readonly ready: boolean;
  readonly body: object;
}

/** The operator's own server: `/healthz` and `/readyz`, never on the public address. */
export function createOperatorServer(readiness: () => Readiness): Server {
  return createServer((request, response) => {
    const path = (request.url ?? "").split("?", 1)[0];
    const answer = (status: number, body: object) => {
      const text = JSON.stringify(body);
      response.writeHead(status, {
        "content-type": "application/json; charset=utf-8",
        "cache-control": "no-store",
        "content-length": Buffer.byteLength(text),
      });
      response.end(request.method === "HEAD" ? undefined : text);
    };
    if (path !== "/healthz" && path !== "/readyz") return answer(404, { status: "not_found" });
    if (request.method !== "GET" && request.method !== "HEAD") return answer(405, { status: "method_not_allowed" });
    if (path === "/healthz") return answer(200, { status: "ok" });
    const { ready, body } = readiness();
    answer(ready ? 200 : 503, body);
  });
}
