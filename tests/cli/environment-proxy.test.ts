import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bauta } from "../support/bauta.ts";

/** A name that no resolver knows: only a proxy could ask for it. */
const SERVER = "enclave.invalid";
const ask = ["models", "--base-url", `https://${SERVER}/api/v1`, "--api-key", "k"];

describe("HTTPS_PROXY and NO_PROXY", () => {
  const asked: string[] = [];
  // It hands nothing on.
  const proxy = createServer((_request, response) => response.writeHead(404).end()).on("connect", ({ url }, socket) => {
    asked.push(url ?? "");
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  let url: string;
  beforeAll(async () => {
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterAll(() => void proxy.close());

  it.each([
    ["HTTPS_PROXY", {}, [`${SERVER}:443`]],
    ["https_proxy", {}, [`${SERVER}:443`]],
    ["HTTPS_PROXY", { NO_PROXY: "other.invalid" }, [`${SERVER}:443`]],
    ["HTTPS_PROXY", { NO_PROXY: ".invalid" }, []],
    ["HTTPS_PROXY", { no_proxy: SERVER }, []],
  ])("%s with %o asks the proxy for %j", async (variable, more, expected) => {
    asked.length = 0;
    expect(await bauta(ask, { env: { [variable]: url, ...more } })).toMatchObject({ code: 1 });
    expect([...new Set(asked)]).toEqual(expected);
  });

  it("never ask it for this machine", async () => {
    asked.length = 0;
    await bauta(["models", "--base-url", url, "--api-key", "k"], { env: { HTTP_PROXY: url, HTTPS_PROXY: url } });
    expect(asked).toEqual([]);
  });

  it.each(["proxy.invalid:3128", "socks5://127.0.0.1:1080", "no address"])("say which of them is no address: %s", async (value) => {
    const { code, stderr } = await bauta(ask, { env: { HTTPS_PROXY: value } });
    expect([code, stderr]).toEqual([2, expect.stringContaining("HTTPS_PROXY: is no proxy's address")]);
    expect(stderr).not.toContain(value);
  });
});

describe("a base URL without a path", () => {
  it("is completed, and that is told", async () => {
    const { stderr } = await bauta(["models", "--base-url", "http://127.0.0.1:9", "--api-key", "k"]);
    expect(stderr).toContain("taking http://127.0.0.1:9/api/v1");
  });
});
