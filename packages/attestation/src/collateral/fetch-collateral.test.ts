import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { noVectors, readJsonVector, readVector, vectorPath } from "../../../../tests/support/vectors.ts";
import { chainPem, fakeCollateral } from "../testing/fake-collateral.ts";
import { answerPiece } from "../testing/scripted-service.ts";
import { deferred, failure, harness, useService } from "../testing/source-harness.ts";
import type { CollateralError } from "./collateral-error.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createCollateralLibrary } from "./offline.ts";

const { DAY_MS, START_MS, issued, need } = harness;
const run = useService();

describe("one fetch", () => {
  it("asks for the four pieces and gives them in the common shape, documents character for character", async () => {
    expect(await run.source().fetch(need)).toEqual(issued);
    expect([...run.service.requests].sort()).toEqual([
      "GET /sgx/certification/v4/pckcrl?ca=platform&encoding=der",
      "GET /sgx/certification/v4/rootcacrl",
      "GET /tdx/certification/v4/qe/identity",
      "GET /tdx/certification/v4/tcb?fmspc=90c06f000000",
    ]);
  });

  it("takes a base URL with Intel's path at its end, the older header's name, and CRLs in hex or PEM", async () => {
    const pem = `-----BEGIN X509 CRL-----\n${Buffer.from(issued.pck_crl, "hex").toString("base64")}\n-----END X509 CRL-----\n`;
    run.service.script = (piece, response) => {
      if (piece === "tcb") {
        response.setHeader("SGX-TCB-Info-Issuer-Chain", encodeURIComponent(chainPem));
        response.end(`{ "signature" : "${issued.tcb_info_signature.toUpperCase()}" ,\n "tcbInfo" : ${issued.tcb_info} }\n`);
        return true;
      }
      if (piece !== "pckcrl") return false;
      response.setHeader("SGX-PCK-CRL-Issuer-Chain", encodeURIComponent(chainPem));
      response.end(pem);
      return true;
    };
    expect(await run.source({ baseUrl: `${run.service.url}/sgx/certification/v4/` }).fetch(need)).toEqual(issued);
  });

  it("refuses settings that cannot be used, without repeating them", () => {
    for (const [baseUrl, problem] of [
      ["nowhere", "not a URL"],
      ["http://pccs.example.com", "plain http"],
      ["https://user:secret@pccs.example.com", "user name"],
      ["https://pccs.example.com/?key=secret", "query"],
      ["ftp://pccs.example.com", "neither"],
    ] as const) {
      const create = () => run.source({ baseUrl });
      expect(create).toThrow(problem);
      expect(create).not.toThrow("secret");
    }
    expect(() => run.source({ rootCrlUrl: "http://crl.example.com/root.crl" })).toThrow("rootCrlUrl");
    expect(() => run.source({ baseUrl: "http://pccs.example.com", allowInsecureHttp: true })).not.toThrow();
  });

  it("refuses times that a timer cannot keep", () => {
    for (const timeoutMs of [0, -1, Number.NaN, Infinity, 2 ** 31]) {
      expect(() => run.source({ timeoutMs })).toThrow(/timeoutMs: must be/);
      expect(() => run.source({ maxWaitMs: timeoutMs })).toThrow(/maxWaitMs: must be/);
    }
  });

  it("calls fetch without a receiver, as browsers demand", async () => {
    const picky = function (this: unknown, url: string, init: RequestInit) {
      if (this !== undefined && this !== globalThis) throw new TypeError("Illegal invocation");
      return fetch(url, init);
    };
    expect(await run.source({ fetch: picky }).fetch(need)).toEqual(issued);
  });

  it("asks for nothing but FMSPCs and CAs", async () => {
    expect(await failure(run.source().fetch({ fmspc: "../../x", ca: "platform" }))).toMatchObject({
      code: "collateral_settings",
      action: "fix-request",
    });
    expect(await failure(run.source().fetch({ fmspc: need.fmspc, ca: "root" as "platform" }))).toMatchObject({
      code: "collateral_settings",
    });
    expect(run.service.requests).toEqual([]);
  });
});

describe("many callers", () => {
  it("share one flight", async () => {
    const collateral = run.source();
    const answers = await Promise.all(Array.from({ length: 100 }, () => collateral.fetch(need)));
    expect(new Set(answers).size).toBe(1);
    expect(run.service.requests.length).toBe(4);
  });

  it("are not failed by one that leaves; the flight ends when all have left", async () => {
    const reached = deferred();
    const closed = deferred();
    let letGo = (): void => {};
    run.service.script = (piece, response) => {
      if (piece !== "tcb") return false;
      response.on("close", () => closed.resolve());
      letGo = () => answerPiece(issued, piece, response);
      reached.resolve();
      return true;
    };
    const collateral = run.source();
    const [first, second] = [new AbortController(), new AbortController()];
    const leaving = collateral.fetch(need, first.signal);
    const staying = collateral.fetch(need, second.signal);
    await reached.promise;
    first.abort(new Error("gone"));
    await expect(leaving).rejects.toThrow("gone");
    letGo();
    expect(await staying).toEqual(issued);

    const other = run.source();
    const alone = new AbortController();
    const only = other.fetch(need, alone.signal);
    await run.service.requested(8);
    alone.abort(new Error("gone too"));
    await expect(only).rejects.toThrow("gone too");
    await closed.promise;
    run.service.script = () => false;
    expect(await other.fetch(need)).toEqual(issued);
    await expect(other.fetch(need, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  });
});

describe("what is at hand", () => {
  it("serves until the earliest end of its pieces, which may be a CRL's", async () => {
    run.service.collateral = fakeCollateral({ issuedMs: START_MS, tcbDays: 30, crlDays: 10 });
    const collateral = run.source({ renewAfterMs: 100 * DAY_MS });
    await collateral.fetch(need);
    await run.service.close();
    run.nowMs = START_MS + 10 * DAY_MS;
    const problems: CollateralError[] = [];
    expect(await collateral.fetch(need)).toEqual(run.service.collateral);
    run.nowMs += 1;
    const error = await failure(collateral.fetch(need));
    expect(error).toMatchObject({ code: "collateral_expired", action: "retry" });
    expect(error.message).toContain("2026-05-04T01:00:00.000Z");
    expect(error.cause).toMatchObject({ code: "collateral_unreachable" });
    expect(problems).toEqual([]);
  });

  it("is renewed in the background, ahead of its end", async () => {
    const collateral = run.source();
    await collateral.fetch(need);
    run.nowMs += DAY_MS - 1;
    await collateral.fetch(need);
    expect(run.service.requests.length).toBe(4);
    run.nowMs += 1;
    const newer = fakeCollateral({ issuedMs: run.nowMs - 1000, evaluationNumber: 19 });
    run.service.collateral = newer;
    const release = deferred();
    run.service.script = (piece, response) => {
      void release.promise.then(() => answerPiece(newer, piece, response));
      return true;
    };
    // The service has not answered yet, and the caller has its collateral.
    expect(await collateral.fetch(need)).toEqual(issued);
    await run.service.requested(8);
    expect(await collateral.fetch(need)).toEqual(issued);
    release.resolve();
    await expect.poll(() => collateral.fetch(need)).toEqual(newer);
    expect(run.service.requests.length).toBe(8);
  });

  it("is renewed before it is given, where that is asked for, and given all the same when that fails", async () => {
    const store = createMemoryStore();
    await run.source({ store }).fetch(need);
    run.nowMs += DAY_MS;
    const newer = fakeCollateral({ issuedMs: run.nowMs - 1000 });
    run.service.script = (_, response) => {
      response.writeHead(500).end();
      return true;
    };
    const problems: CollateralError[] = [];
    const fetchOnce = () => run.source({ store, renewBeforeUse: true, onProblem: (problem) => problems.push(problem) }).fetch(need);
    expect(await fetchOnce()).toEqual(issued);
    expect(problems.map(({ code }) => code)).toEqual(["collateral_unreachable"]);
    run.service.script = () => false;
    run.service.collateral = newer;
    expect(await fetchOnce()).toEqual(newer);
    const asked = run.service.requests.length;
    expect(await fetchOnce()).toEqual(newer);
    expect(run.service.requests.length).toBe(asked);
  });

  it("goes on serving when a renewal fails, which is tried again later and later", async () => {
    const problems: CollateralError[] = [];
    const collateral = run.source({ onProblem: (problem) => problems.push(problem) });
    await collateral.fetch(need);
    run.service.script = (_, response) => {
      response.writeHead(404).end();
      return true;
    };
    run.nowMs += 2 * DAY_MS;
    for (const [failures, pauseMs] of [
      [1, 60_000],
      [2, 120_000],
      [3, 240_000],
    ] as const) {
      expect(await collateral.fetch(need)).toEqual(issued);
      await expect.poll(() => problems.length).toBe(failures);
      run.nowMs += pauseMs - 1;
      await collateral.fetch(need);
      expect(problems.length).toBe(failures);
      run.nowMs += 1;
    }
    expect(problems[0]).toMatchObject({ code: "collateral_refused" });
  });

  it("is replaced by older in the end, if that is all that the service has: what is at hand may be forged", async () => {
    const forged = { ...issued, tcb_info: issued.tcb_info.replace(/"tcbEvaluationDataNumber":\d+/, '"tcbEvaluationDataNumber":999999') };
    expect(forged.tcb_info).not.toBe(issued.tcb_info);
    const store = createMemoryStore();
    const first = run.source({ store });
    run.service.collateral = forged;
    await first.fetch(need);
    run.service.collateral = issued;
    const collateral = run.source({ store, renewBeforeUse: true });
    const given: boolean[] = [];
    for (let renewal = 0; renewal < 6; renewal++) {
      run.nowMs += DAY_MS;
      given.push((await collateral.fetch(need)).tcb_info === forged.tcb_info);
    }
    expect(given).toEqual([true, true, true, false, false, false]);
  });

  it("is not replaced by older", async () => {
    const problems: CollateralError[] = [];
    const collateral = run.source({ onProblem: (problem) => problems.push(problem) });
    await collateral.fetch(need);
    run.nowMs += 2 * DAY_MS;
    run.service.collateral = fakeCollateral({ issuedMs: START_MS + DAY_MS, evaluationNumber: 17 });
    await collateral.fetch(need);
    await expect.poll(() => problems.map(({ code }) => code)).toEqual(["collateral_older"]);
    expect(await collateral.fetch(need)).toEqual(issued);
  });

  it("is kept apart by FMSPC and CA, and bounded", async () => {
    const collateral = run.source();
    run.service.script = (piece, response) => {
      const fmspc = /fmspc=(\w+)/.exec(run.service.requests.at(-1) ?? "")?.[1] ?? need.fmspc;
      answerPiece(fakeCollateral({ issuedMs: START_MS, fmspc }), piece, response);
      return true;
    };
    for (let i = 0; i < 70; i++) {
      const fmspc = i.toString(16).padStart(12, "0");
      expect((await collateral.fetch({ fmspc, ca: "platform" })).tcb_info).toContain(`"fmspc":"${fmspc.toUpperCase()}"`);
    }
    const asked = run.service.requests.length;
    await collateral.fetch({ fmspc: "000000000045", ca: "platform" });
    expect(run.service.requests.length).toBe(asked);
  });
});

describe("a store", () => {
  it("outlives the source, and spares the service", async () => {
    const store = createMemoryStore();
    await run.source({ store }).fetch(need);
    expect(await run.source({ store }).fetch(need)).toEqual(issued);
    expect(run.service.requests.length).toBe(4);
  });

  it("with expired collateral and no service is an error that says both", async () => {
    const store = createMemoryStore();
    await run.source({ store }).fetch(need);
    run.nowMs += 100 * DAY_MS;
    run.service.script = (_, response) => {
      response.writeHead(500).end();
      return true;
    };
    const error = await failure(run.source({ store }).fetch(need));
    expect(error).toMatchObject({ code: "collateral_expired", cause: { code: "collateral_unreachable" } });
  });

  it("is believed in nothing: damage is passed over, its dates are read from the pieces", async () => {
    const values = [
      { collateral: { ...issued, tcb_info: "{" }, fetchedMs: run.nowMs },
      { collateral: { ...issued, pck_crl: undefined as unknown as string }, fetchedMs: run.nowMs },
      { collateral: fakeCollateral({ issuedMs: START_MS, fmspc: "00806f050000" }), fetchedMs: run.nowMs },
      { collateral: issued, fetchedMs: Number.NaN },
    ];
    for (const value of values) {
      const store = { get: async () => value, put: async () => {} };
      run.service.requests.length = 0;
      expect(await run.source({ store }).fetch(need)).toEqual(issued);
      expect(run.service.requests.length).toBe(4);
    }
  });

  it("that fails costs a warning", async () => {
    const problems: CollateralError[] = [];
    const broken = async (): Promise<never> => {
      throw new Error("disk full");
    };
    const collateral = run.source({ store: { get: broken, put: broken }, onProblem: (problem) => problems.push(problem) });
    expect(await collateral.fetch(need)).toEqual(issued);
    expect(problems.map(({ code }) => code)).toEqual(["collateral_store", "collateral_store"]);
  });
});

describe.skipIf(noVectors)("Intel's recorded answers", () => {
  const folder = "venice-2026-04-24";
  it("give the same set as the folder read offline", async () => {
    run.service.script = (piece, response) => {
      const name = readdirSync(vectorPath(folder)).find((file) => {
        const marks = { tcb: "_v4_tcb.body", qe: "_qe_identity.body", pckcrl: "_pckcrl.body", rootcrl: "intelsgxrootca.der.body" };
        return file.endsWith(marks[piece]);
      });
      const body = readVector(`${folder}/${name}`);
      const { headers } = readJsonVector(`${folder}/${name?.replace(/body$/, "json")}`) as { headers: Record<string, string[]> };
      const kept = Object.entries(headers).filter(([header]) => !/^(connection|date|via|x-)/i.test(header));
      response.writeHead(200, Object.fromEntries(kept)).end(body);
      return true;
    };
    const fetched = await run.source({ nowMs: () => Date.parse("2026-04-24T01:58:41Z") }).fetch(need);
    const files = readdirSync(vectorPath(folder)).map((name) => ({ name, bytes: readVector(`${folder}/${name}`) }));
    expect(createCollateralLibrary(files, folder).select(need, Date.parse("2026-04-24T01:58:41Z"))).toEqual(fetched);
    expect(fetched.tcb_info.startsWith('{"id":"TDX","version":3,"issueDate":"2026-04-24T01:35:26Z"')).toBe(true);
  });
});
