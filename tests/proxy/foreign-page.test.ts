import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProxyServer, serveProxy } from "../../apps/cli/src/proxy-server.ts";
import { createProxy } from "../../packages/proxy/src/proxy.ts";
import type { RequestLine } from "../../packages/proxy/src/request-line.ts";
import { createFakeClient, fakeAnswer, type FakeClient } from "../../packages/proxy/src/testing/fake-client.ts";
import { noChromium, openPage } from "../browser/chromium.ts";

/** Browsers look no name below `localhost` up: it is this machine, and another origin. */
const ALLOWED = "allowed.localhost";
const CHAT = JSON.stringify({ model: "e2ee-test", messages: [{ role: "user", content: "x" }] });

/** What a browser lets pages do, by its own rules: names that were made to point here, and pages of other origins. */
describe.skipIf(noChromium)("a page in a browser", () => {
  let client: FakeClient;
  let proxy: ProxyServer;
  let pages: Server;
  let browser: Browser;
  let port: string;
  const lines: RequestLine[] = [];

  beforeAll(async () => {
    pages = createServer(
      (_request, response) => void response.setHeader("content-type", "text/html").end("<!doctype html><title>page</title>"),
    );
    pages.listen(0, "127.0.0.1");
    await once(pages, "listening");
    client = createFakeClient(() => Promise.resolve(fakeAnswer('{"id":"answered"}')));
    const origins = [`http://${ALLOWED}:${(pages.address() as AddressInfo).port}`];
    const handler = createProxy({ client, nowMs: Date.now, origins, onRequest: (line) => void lines.push(line) });
    proxy = await serveProxy(handler, { host: "127.0.0.1", port: 0 });
    ({ port } = new URL(proxy.url));
    ({ browser } = await openPage("void 0;"));
  });
  afterAll(async () => {
    await browser?.close();
    await proxy?.close();
    pages?.close();
  });

  /** Opens a page of an origin, and runs a call of it there. */
  async function from(host: string, call: { readonly url: string; readonly init: RequestInit }): Promise<string> {
    const page = await browser.newPage();
    try {
      await page.goto(`http://${host}:${(pages.address() as AddressInfo).port}/`);
      return await page.evaluate(
        ({ url, init }) =>
          fetch(url, init).then(
            async (response) => `${response.type} ${response.status} ${await response.text()}`,
            () => "failed",
          ),
        call,
      );
    } finally {
      await page.close();
    }
  }

  const json = { method: "POST", headers: { "content-type": "application/json" }, body: CHAT };
  const attempts: [string, { path: string; init: RequestInit }][] = [
    ["call it", { path: "/v1/chat/completions", init: json }],
    ["call it without asking first", { path: "/v1/chat/completions", init: { method: "POST", mode: "no-cors", body: CHAT } }],
    ["read its results", { path: "/verification", init: {} }],
    ["make it ask", { path: "/v1/models", init: { mode: "no-cors" } }],
    ["make it attest", { path: "/verification?model=e2ee-x", init: { mode: "no-cors" } }],
  ];
  it.each(attempts)("of another origin cannot %s", async (_name, { path, init }) => {
    lines.length = 0;
    for (const host of ["evil.localhost", "localhost", "127.0.0.1"])
      expect(await from(host, { url: `${proxy.url}${path}`, init })).toBe("failed");
    expect(lines.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(client.calls).toEqual([]);
    expect(client.attestedModels).toEqual([]);
  });

  it("of a name that was made to point to the proxy finds nothing there", async () => {
    const page = await browser.newPage();
    // As it was when the name still pointed to its owner: for the browser the proxy is now the page's own server.
    const start = `http://rebound.localhost:${port}/start`;
    await page.route(start, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
    await page.goto(start);
    const answer = await page.evaluate(
      (init) => fetch("/v1/chat/completions", init).then(async (answer) => `${answer.status} ${await answer.text()}`),
      json as RequestInit,
    );
    expect(answer).toMatch(/^403 .*foreign_host/);
    expect(client.calls).toEqual([]);
    await page.close();
  });

  it("of an allowed origin gets its answer and may read what it is worth", async () => {
    const page = await browser.newPage();
    await page.goto(`http://${ALLOWED}:${(pages.address() as AddressInfo).port}/`);
    const answer = await page.evaluate(
      async ({ url, init }) => {
        const response = await fetch(url, init);
        return [response.status, response.headers.get("bauta-outcome"), await response.text()];
      },
      { url: `${proxy.url}/v1/chat/completions`, init: json as RequestInit },
    );
    expect(answer).toEqual([200, "verified", '{"id":"answered"}']);
    await page.close();
  });

  it("shows the proxy's own page with its style, and loads nothing else", async () => {
    const page = await browser.newPage();
    const loaded: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
    page.on("console", (message) => complaints.push(message.text()));
    await page.goto(`${proxy.url}/`);
    expect(await page.textContent("h1")).toBe("Bauta proxy");
    expect(await page.evaluate(() => getComputedStyle(document.body).maxWidth)).toBe("736px");
    expect(loaded.filter((path) => path !== "/favicon.ico")).toEqual(["/", "/style.css"]);
    expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
    await page.close();
  });
});
