import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { chainPem, fakeCollateral } from "../testing/fake-collateral.ts";
import { answerPiece } from "../testing/scripted-service.ts";
import { deferred, failure, harness, useService } from "../testing/source-harness.ts";
import { waitByTimer } from "./request-piece.ts";

const { DAY_MS, START_MS, issued, need } = harness;
const run = useService();

describe("a service that fails", () => {
  it("waits as long as Retry-After says, and asks again", async () => {
    run.service.script = (piece, response, count) => {
      if (piece !== "tcb" || count > 2) return false;
      response
        .writeHead(count === 1 ? 429 : 503, { "retry-after": count === 1 ? "7" : new Date(run.nowMs + 3000).toUTCString() })
        .end("busy");
      return true;
    };
    expect(await run.source().fetch(need)).toEqual(issued);
    expect(run.waits).toEqual([7000, 3000]);
  });

  it("does not wait longer than it may, and leaves the service alone until then", async () => {
    run.service.script = (piece, response) => {
      if (piece !== "qe") return false;
      response.writeHead(429, { "retry-after": "120" }).end();
      return true;
    };
    const collateral = run.source();
    expect(await failure(collateral.fetch(need))).toMatchObject({
      code: "collateral_rate_limited",
      action: "retry",
      field: "qe_identity",
      retryAfterMs: 120_000,
    });
    const asked = run.service.requests.length;
    run.nowMs += 20_000;
    expect(await failure(collateral.fetch(need))).toMatchObject({ code: "collateral_rate_limited", retryAfterMs: 100_000 });
    expect(run.service.requests.length).toBe(asked);
    expect(run.waits).toEqual([]);
    run.service.script = () => false;
    run.nowMs += 100_000;
    expect(await collateral.fetch(need)).toEqual(issued);
  });

  it("can be aborted while it waits", async () => {
    run.service.script = (_, response) => {
      response.writeHead(429, { "retry-after": "10" }).end();
      return true;
    };
    const stop = new AbortController();
    const waiting = deferred();
    const wait = async (ms: number, signal: AbortSignal) => {
      waiting.resolve();
      await waitByTimer(ms, signal);
    };
    const fetched = run.source({ wait }).fetch(need, stop.signal);
    await waiting.promise;
    stop.abort(new Error("enough"));
    await expect(fetched).rejects.toThrow("enough");
  });

  it("tries three times at a status of 500, with growing pauses", async () => {
    run.service.script = (piece, response) => {
      if (piece !== "rootcrl") return false;
      response.writeHead(500).end("secret details");
      return true;
    };
    const error = await failure(run.source().fetch(need));
    expect(error).toMatchObject({ code: "collateral_unreachable", action: "retry", field: "root_ca_crl" });
    expect(error.message).not.toContain("secret");
    expect(run.waits).toEqual([500, 1000]);
  });

  it("says so when nothing listens", async () => {
    await run.service.close();
    const error = await failure(run.source().fetch(need));
    expect(error).toMatchObject({ code: "collateral_unreachable", action: "retry" });
  });

  for (const [name, code, field, answer] of [
    ["404", "collateral_refused", "tcb_info", { status: 404 }],
    ["a redirect", "collateral_refused", "tcb_info", { status: 302, headers: { location: "/elsewhere" } }],
    ["no content", "collateral_refused", "tcb_info", { status: 204 }],
    ["an empty body", "collateral_malformed", "tcb_info", { body: "" }],
    ["a web page", "collateral_malformed", "tcb_info", { body: "<html>Sign in</html>" }],
    ["bytes that are not UTF-8", "collateral_malformed", "tcb_info", { body: Buffer.from([0x7b, 0xff, 0x7d]) }],
    [
      "a byte order mark",
      "collateral_malformed",
      "tcb_info",
      { body: `\ufeff{"tcbInfo":${issued.tcb_info},"signature":"${"ab".repeat(64)}"}` },
    ],
    ["a list in place of the document", "collateral_malformed", "tcb_info", { body: `{"tcbInfo":[],"signature":"${"ab".repeat(64)}"}` }],
    ["no signature", "collateral_malformed", "tcb_info", { body: `{"tcbInfo":${issued.tcb_info}}` }],
    [
      "two documents",
      "collateral_malformed",
      "tcb_info",
      { body: `{"tcbInfo":{},"tcbInf\\u006f":${issued.tcb_info},"signature":"${"ab".repeat(64)}"}` },
    ],
    ["no chain", "collateral_malformed", "tcb_info_issuer_chain", { headers: { "tcb-info-issuer-chain": "" } }],
    ["a garbled chain", "collateral_malformed", "tcb_info_issuer_chain", { headers: { "tcb-info-issuer-chain": "%E0%A4%A" } }],
    ["a chain of nothing", "collateral_malformed", "tcb_info_issuer_chain", { headers: { "tcb-info-issuer-chain": "x" } }],
    ["a huge body", "collateral_malformed", "tcb_info", { body: Buffer.alloc(1024 * 1024, 0x20) }],
    [
      "a gzip bomb",
      "collateral_malformed",
      "tcb_info",
      { body: gzipSync(Buffer.alloc(64 * 1024 * 1024)), headers: { "content-encoding": "gzip" } },
    ],
    ["another FMSPC", "collateral_mismatch", "tcb_info", { collateral: fakeCollateral({ issuedMs: START_MS, fmspc: "00806f050000" }) }],
    [
      "a machine's TCB info for SGX",
      "collateral_malformed",
      "tcb_info",
      { collateral: { ...issued, tcb_info: issued.tcb_info.replace('"TDX"', '"SGX"') } },
    ],
  ] as const) {
    it(`refuses ${name}`, async () => {
      run.service.script = (piece, response) => {
        if (piece !== "tcb") return false;
        const given: { status?: number; headers?: Record<string, string>; body?: string | Uint8Array; collateral?: typeof issued } = answer;
        const headers = { "tcb-info-issuer-chain": encodeURIComponent(chainPem), ...given.headers };
        if (given.collateral) answerPiece(given.collateral, piece, response);
        else
          response
            .writeHead(given.status ?? 200, headers)
            .end(given.body ?? `{"tcbInfo":${issued.tcb_info},"signature":"${"ab".repeat(64)}"}`);
        return true;
      };
      const error = await failure(run.source().fetch(need));
      expect(error).toMatchObject({ code, field });
      expect(error.message.length).toBeLessThan(300);
      expect(run.service.requests.some((line) => line.includes("elsewhere"))).toBe(false);
    });
  }

  it("refuses the CRL of the other CA, and a CRL that is none", async () => {
    run.service.collateral = fakeCollateral({ issuedMs: START_MS, ca: "processor" });
    expect(await failure(run.source().fetch(need))).toMatchObject({ code: "collateral_mismatch", field: "pck_crl" });
    run.service.collateral = { ...issued, root_ca_crl: "not found" };
    expect(await failure(run.source().fetch(need))).toMatchObject({ code: "collateral_malformed", field: "root_ca_crl" });
  });

  it("gives up on a silent server, and on one that sends a byte now and then", async () => {
    for (const trickle of [false, true]) {
      let timer: ReturnType<typeof setInterval> | undefined;
      run.service.script = (piece, response) => {
        if (piece !== "tcb") return false;
        if (trickle) {
          response.writeHead(200).write(" ");
          timer = setInterval(() => response.write(" "), 10);
        }
        return true;
      };
      const error = await failure(run.source({ timeoutMs: 100 }).fetch(need));
      clearInterval(timer);
      expect(error).toMatchObject({ code: "collateral_unreachable", field: "tcb_info" });
      expect(error.message).toContain("within 100 ms");
    }
  });

  it("gives up also where fetch does not listen to its signal", async () => {
    const deaf = () => new Promise<Response>(() => {});
    expect(await failure(run.source({ fetch: deaf, timeoutMs: 20 }).fetch(need))).toMatchObject({ code: "collateral_unreachable" });
  });

  it("says that what is served is past its end, or the clock wrong", async () => {
    run.nowMs = START_MS + 31 * DAY_MS;
    const error = await failure(run.source().fetch(need));
    expect(error).toMatchObject({ code: "collateral_expired" });
    expect(error.message).toContain("2026-05-24T01:00:00.000Z");
    expect(error.message).toContain("set the clock");
  });
});
