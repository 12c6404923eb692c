import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type FetchHandler, type ProxyServer, serveProxy } from "./proxy-server.ts";

let server: ProxyServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serve(handler: FetchHandler): Promise<string> {
  server = await serveProxy(handler, { host: "127.0.0.1", port: 0 });
  return server.url;
}

/** Sends bytes as they are, and gives back all that comes. */
async function speak(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let heard = "";
  socket.setEncoding("latin1").on("data", (piece: string) => (heard += piece));
  socket.on("error", () => {});
  socket.end(text);
  await once(socket, "close");
  return heard;
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

describe("serveProxy", () => {
  it("hands on method, URL, headers and body, and the answer with its own", async () => {
    const url = await serve(async (request) => {
      const body = await request.text();
      const shown = { method: request.method, url: request.url, type: request.headers.get("content-type"), body };
      return Response.json(shown, { status: 418, headers: { "bauta-outcome": "verified" } });
    });
    const response = await fetch(`${url}/v1/chat?x=1`, { method: "POST", headers: { "content-type": "application/json" }, body: "é{}" });
    expect(response.status).toBe(418);
    expect(response.headers.get("bauta-outcome")).toBe("verified");
    expect(await response.json()).toEqual({ method: "POST", url: `${url}/v1/chat?x=1`, type: "application/json", body: "é{}" });
  });

  it("names the host that the caller named, also where the path looks like another", async () => {
    const seen: string[] = [];
    const url = await serve((request) => {
      seen.push(request.url);
      return Promise.resolve(new Response("ok"));
    });
    await speak(url, "GET /a HTTP/1.1\r\nHost: evil.example:4910\r\nConnection: close\r\n\r\n");
    await speak(url, "GET //evil.example/a HTTP/1.1\r\nHost: 127.0.0.1:1\r\nConnection: close\r\n\r\n");
    expect(seen).toEqual(["http://evil.example:4910/a", "http://127.0.0.1:1//evil.example/a"]);
  });

  it.each([
    ["no Host", "GET / HTTP/1.0\r\n\r\n"],
    ["a Host with a user", "GET / HTTP/1.1\r\nHost: 127.0.0.1@evil.example\r\n\r\n"],
    ["a Host with a path", "GET / HTTP/1.1\r\nHost: 127.0.0.1/x\r\n\r\n"],
    ["a whole URL as target", "GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
    ["a port that is none", "GET / HTTP/1.1\r\nHost: 127.0.0.1:99999\r\n\r\n"],
  ])("refuses %s before the handler sees it", async (_name, text) => {
    let asked = false;
    const url = await serve(() => {
      asked = true;
      return Promise.resolve(new Response("ok"));
    });
    expect(await speak(url, text)).toMatch(/^HTTP\/1\.1 400 /);
    expect(asked).toBe(false);
  });

  it("streams each piece as it is made", async () => {
    const second = deferred<void>();
    const url = await serve(() => {
      const encoder = new TextEncoder();
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          controller.enqueue(encoder.encode("first"));
          await second.promise;
          controller.enqueue(encoder.encode("second"));
          controller.close();
        },
      });
      return Promise.resolve(new Response(body));
    });
    const reader = (await fetch(url)).body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("first");
    second.resolve();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("second");
    expect((await reader?.read())?.done).toBe(true);
  });

  it("reads no more of an answer than the caller takes", async () => {
    const piece = new Uint8Array(1024 * 1024);
    let made = 0;
    const gone = deferred<void>();
    const url = await serve(() => {
      const body = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            made++;
            controller.enqueue(piece);
          },
          cancel: () => gone.resolve(),
        },
        { highWaterMark: 0 },
      );
      return Promise.resolve(new Response(body));
    });
    const request = httpRequest(url);
    request.end();
    const [response] = (await once(request, "response")) as [import("node:http").IncomingMessage];
    response.pause();
    // Until nothing more is made: what the sockets hold is full.
    let before = -1;
    while (made !== before) {
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(made).toBeLessThan(64);
    request.destroy();
    await gone.promise;
  });

  it("leaves nothing behind each time that a slow caller is waited for", async () => {
    const warned: Error[] = [];
    const note = (warning: Error) => void warned.push(warning);
    process.on("warning", note);
    const piece = new Uint8Array(256 * 1024);
    let made = 0;
    const url = await serve(() => {
      const body = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (made++ < 64) controller.enqueue(piece);
            else controller.close();
          },
        },
        { highWaterMark: 0 },
      );
      return Promise.resolve(new Response(body));
    });
    const bytes = await (await fetch(url)).arrayBuffer();
    process.off("warning", note);
    expect(bytes.byteLength).toBe(64 * piece.length);
    expect(warned.map(({ name }) => name)).toEqual([]);
  });

  it("tells the handler within a second that the caller is gone before there was an answer", async () => {
    const begun = deferred<void>();
    const aborted = deferred<number>();
    const url = await serve(
      ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            aborted.resolve(performance.now());
            resolve(new Response("late"));
          });
          begun.resolve();
        }),
    );
    const controller = new AbortController();
    const call = fetch(url, { signal: controller.signal }).catch(() => undefined);
    await begun.promise;
    const at = performance.now();
    controller.abort();
    await call;
    expect((await aborted.promise) - at).toBeLessThan(1000);
  });

  it("gives up the answer's source within a second when the caller is gone within it", async () => {
    const cancelled = deferred<number>();
    const url = await serve(() => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(Uint8Array.of(1)),
        cancel: () => cancelled.resolve(performance.now()),
      });
      return Promise.resolve(new Response(body));
    });
    const controller = new AbortController();
    const reader = (await fetch(url, { signal: controller.signal })).body?.getReader();
    await reader?.read();
    const at = performance.now();
    controller.abort();
    expect((await cancelled.promise) - at).toBeLessThan(1000);
  });

  it("breaks the connection off where an answer breaks, so that it does not look whole", async () => {
    const url = await serve(() => {
      let pulls = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (pulls++ === 0) controller.enqueue(Uint8Array.of(1));
          else controller.error(new Error("upstream broke"));
        },
      });
      return Promise.resolve(new Response(body));
    });
    await expect(fetch(url).then((response) => response.arrayBuffer())).rejects.toThrow();
  });

  it("answers a caller whose body it does not read to the end", async () => {
    const url = await serve((request) => {
      void request.body?.cancel();
      return Promise.resolve(new Response("too large", { status: 413 }));
    });
    const heard = await speak(url, `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 300000\r\n\r\n${"x".repeat(200_000)}`);
    expect(heard).toMatch(/^HTTP\/1\.1 413 /);
    expect(heard.toLowerCase()).toContain("connection: close");
  });

  it("lets answers under way end when it closes, and takes no more", async () => {
    const finish = deferred<void>();
    const begun = deferred<void>();
    const url = await serve(() => {
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          controller.enqueue(Uint8Array.of(65));
          begun.resolve();
          await finish.promise;
          controller.enqueue(Uint8Array.of(66));
          controller.close();
        },
      });
      return Promise.resolve(new Response(body));
    });
    const response = await fetch(url);
    await begun.promise;
    expect(server?.inFlight()).toBe(1);
    const closed = server?.close();
    await expect(fetch(url, { headers: { connection: "close" } })).rejects.toThrow();
    finish.resolve();
    expect(await response.text()).toBe("AB");
    await closed;
    server = undefined;
  });

  it("says that an address is taken", async () => {
    const other = createServer();
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expect(serveProxy(() => Promise.resolve(new Response()), { host: "127.0.0.1", port })).rejects.toThrow(/listens there already/);
    other.close();
  });
});
