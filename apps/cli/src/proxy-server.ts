import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { CommandError, EXIT } from "./exit.ts";

/** A handler of requests as the Fetch standard has them. */
export type FetchHandler = (request: Request) => Promise<Response>;

export interface ProxyServer {
  /** Such as `http://127.0.0.1:4910`. */
  readonly url: string;
  /** Answers under way. */
  readonly inFlight: () => number;
  /** Takes no more connections, and settles when the answers under way have ended. */
  close(): Promise<void>;
}

/** A whole request has to arrive within this time; how long its answer takes is not limited. */
const REQUEST_MS = 120_000;
/** Longer than the pools of HTTP clients keep a connection, so that none is closed under a request just sent. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Serves a handler over HTTP. The URL that it is given has the name from the `Host` header; its signal aborts when the
 * caller is gone; its answer is read no faster than the caller takes it.
 * @throws {CommandError} when the address cannot be listened on; status 2
 */
export async function serveProxy(handler: FetchHandler, address: { readonly host: string; readonly port: number }): Promise<ProxyServer> {
  const answers = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  let closing = false;
  // The server's own idea of an idle connection leaves out one on which nothing has come yet: browsers open such.
  const closeIdle = () => {
    const busy = new Set([...answers].map(({ socket }) => socket));
    for (const socket of sockets) if (!busy.has(socket)) socket.destroy();
  };
  const server = createServer({ requestTimeout: REQUEST_MS, keepAliveTimeout: KEEP_ALIVE_MS }, (incoming, outgoing) => {
    answers.add(outgoing);
    outgoing.once("close", () => {
      answers.delete(outgoing);
      if (closing) closeIdle();
    });
    if (closing) outgoing.setHeader("connection", "close");
    void answer(handler, incoming, outgoing);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(address.port, address.host);
  try {
    await once(server, "listening");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "EADDRINUSE" ? "something listens there already; choose another --port" : `cannot be listened on (${code ?? "?"})`;
    throw new CommandError(`${address.host}:${address.port}: ${why}`, EXIT.usage, error);
  }
  const { address: host, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${host}]` : host}:${port}`,
    inFlight: () => answers.size,
    async close() {
      closing = true;
      const closed = once(server, "close");
      server.close();
      for (const outgoing of answers) if (!outgoing.headersSent) outgoing.setHeader("connection", "close");
      closeIdle();
      await closed;
    },
  };
}

async function answer(handler: FetchHandler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) controller.abort();
  });
  // What becomes of a broken connection is told by "close".
  outgoing.on("error", () => {});
  incoming.on("error", () => {});
  const url = toUrl(incoming);
  if (url === undefined) {
    outgoing.writeHead(400, { connection: "close" }).end();
    return;
  }
  try {
    const response = await handler(toRequest(incoming, url, signal));
    // What has not been read of the request cannot be told from the next one.
    if (!incoming.complete) response.headers.set("connection", "close");
    outgoing.writeHead(response.status, [...response.headers].flat());
    if (incoming.method === "HEAD") {
      await response.body?.cancel();
      outgoing.end();
    } else await writeBody(response.body, outgoing, signal);
  } catch {
    // Headers may be out: that the answer broke off is all that can still be said.
    outgoing.destroy();
  }
}

/** The URL that was asked for; undefined without a proper `Host`, or for a target that is no path. */
function toUrl({ headers: { host }, url = "" }: IncomingMessage): string | undefined {
  if (host === undefined || !/^(?:[\w.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/.test(host) || !url.startsWith("/"))
    return undefined;
  const whole = `http://${host}${url}`;
  return URL.canParse(whole) ? whole : undefined;
}

function toRequest(incoming: IncomingMessage, url: string, signal: AbortSignal): Request {
  const { method = "GET" } = incoming;
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headersDistinct)) for (const one of value ?? []) headers.append(name, one);
  const body = method === "GET" || method === "HEAD" ? null : toBody(incoming);
  return new Request(url, { method, headers, body, signal, ...(body && { duplex: "half" as const }) });
}

/** The stream's own conversion would break the connection, with the answer to be written to it, when the body is given up. */
function toBody(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const pieces = incoming.iterator({ destroyOnReturn: false });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = (await pieces.next()) as IteratorResult<Buffer>;
        if (piece.done) controller.close();
        else controller.enqueue(new Uint8Array(piece.value));
      },
    },
    { highWaterMark: 0 },
  );
}

async function writeBody(body: ReadableStream<Uint8Array> | null, outgoing: ServerResponse, signal: AbortSignal): Promise<void> {
  const reader = body?.getReader();
  const giveUp = () => void reader?.cancel().catch(() => undefined);
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) return giveUp();
  outgoing.flushHeaders();
  for (;;) {
    const piece = await reader?.read();
    if (signal.aborted) return;
    if (!piece || piece.done) break;
    // A caller that goes away meanwhile aborts the signal.
    if (!outgoing.write(piece.value)) await once(outgoing, "drain", { signal });
  }
  outgoing.end();
}
