import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noVectors, readVector } from "../../../../tests/support/vectors.ts";
import { CollateralError } from "../collateral/collateral-error.ts";
import { waitByTimer } from "../collateral/request-piece.ts";
import { createMintedNras, keySetOf, mintNrasAnswer, NONCE } from "../testing/minted-nras.ts";
import { mintCertificate, NOW_MS, parsed } from "../testing/minted-nvidia.ts";
import { type NvidiaPiece, rimAnswer, type ScriptedNvidia, startScriptedNvidia } from "../testing/scripted-nvidia.ts";
import { deferred, failure } from "../testing/source-harness.ts";
import { createGpuEndorsementSource, type GpuEndorsementSourceOptions } from "./fetch-gpu-endorsements.ts";
import { createGpuMemoryStore } from "./gpu-endorsements.ts";
import type { DeviceEvidence } from "./gpu-evidence.ts";
import { verifyOcspAnswer } from "./ocsp-answer.ts";
import { verifyNrasAnswer } from "./nras-token.ts";
import { parseP384Certificate } from "./p384-certificate.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const RIM_ID = "NV_GPU_DRIVER_GH100_570.172.08";
const root = mintCertificate({ name: "Root", ca: true });
const family = mintCertificate({ name: "Family", ca: true, issuer: root });
const device = mintCertificate({ name: "Device", ca: true, issuer: family });
const pair = { cert: parsed(device), issuer: parsed(family) };
const gpu: DeviceEvidence = { arch: "HOPPER", certificateChain: "-----BEGIN", report: Uint8Array.of(1, 2, 3) };
const nras = createMintedNras();
const asked = { gpus: [gpu], nonce: NONCE };

let service: ScriptedNvidia;
let waits: number[];
let problems: string[];

beforeEach(async () => {
  service = await startScriptedNvidia(NOW_MS);
  waits = [];
  problems = [];
  service.rims.set(RIM_ID, "<rim/>");
  service.statuses.set(pair.cert.serial, { ...pair, responder: family });
  service.statuses.set(pair.issuer.serial, { cert: pair.issuer, issuer: parsed(root), responder: root });
  service.nras = mintNrasAnswer(nras.key, { gpus: 1 });
  service.jwks = nras.keySet;
});
afterEach(() => service.close());

function source(options: Partial<GpuEndorsementSourceOptions> = {}) {
  return createGpuEndorsementSource({
    rimUrl: service.url,
    ocspUrl: service.url,
    nrasUrl: service.url,
    fetch,
    nowMs: () => service.nowMs,
    wait: async (ms) => void waits.push(ms),
    onProblem: (problem) => problems.push(problem.message),
    ...options,
  });
}
const lines = (piece: NvidiaPiece) => service.requests.filter((request) => request.piece === piece).map(({ line }) => line);
/** Answers one piece with this status and body, or headers. */
const reply = (piece: NvidiaPiece, status: number, body: string | Uint8Array = "", headers: Record<string, string> = {}) => {
  service.script = (request, response) => {
    if (request.piece !== piece) return false;
    response.writeHead(status, headers).end(body);
    return true;
  };
};

describe("a manifest", () => {
  it("is asked for by its name, and kept for a day", async () => {
    const rims = source();
    expect(await rims.rim(RIM_ID)).toBe("<rim/>");
    service.nowMs += DAY_MS - 1;
    expect(await rims.rim(RIM_ID)).toBe("<rim/>");
    expect(lines("rim")).toEqual([`GET /v1/rim/${RIM_ID}`]);
    service.nowMs += 1;
    await rims.rim(RIM_ID);
    expect(lines("rim")).toHaveLength(2);
  });

  it("takes a base URL with NVIDIA's path at its end", async () => {
    expect(await source({ rimUrl: `${service.url}/v1/rim/` }).rim(RIM_ID)).toBe("<rim/>");
    expect(await source({ rimUrl: `${service.url}/nvidia/` }).rim(RIM_ID)).toBe("<rim/>");
    expect(lines("rim")).toEqual([`GET /v1/rim/${RIM_ID}`, `GET /nvidia/v1/rim/${RIM_ID}`]);
  });

  it("is refused when it is another, was changed, is of another format, or no JSON", async () => {
    const good = rimAnswer(RIM_ID, "<rim/>");
    for (const [members, code, problem] of [
      [{ id: "NV_OTHER" }, "collateral_mismatch", "not the manifest"],
      [{ rim: Buffer.from("<tampered/>").toString("base64") }, "collateral_malformed", "sha256"],
      [{ sha256: 7 }, "collateral_malformed", "sha256"],
      [{ rim_format: "CORIM" }, "collateral_malformed", "format"],
      [{ rim: "%%%" }, "collateral_malformed", "base64"],
      [{ rim: undefined }, "collateral_malformed", "base64"],
    ] as const) {
      reply("rim", 200, JSON.stringify({ ...good, ...members }));
      expect(await failure(source().rim(RIM_ID))).toMatchObject({ code, problem: expect.stringContaining(problem) });
    }
    for (const body of ["[]", "null", "{", "7"]) {
      reply("rim", 200, body);
      expect(await failure(source().rim(RIM_ID))).toMatchObject({ code: "collateral_malformed", field: `rim ${RIM_ID}` });
    }
  });

  it("that NVIDIA does not have is said to be missing, and is asked for again", async () => {
    const rims = source();
    service.rims.clear();
    const error = await failure(rims.rim(RIM_ID));
    expect(error).toMatchObject({ code: "collateral_refused", field: `rim ${RIM_ID}` });
    expect(error.problem).toContain("NVIDIA has no manifest of this name");
    expect(error.problem).not.toContain("FMSPC");
    service.rims.set(RIM_ID, "<rim/>");
    expect(await rims.rim(RIM_ID)).toBe("<rim/>");
  });

  it("is asked for by names alone: nothing that evidence says can lead elsewhere", async () => {
    for (const id of ["", "../x", "a/b", "a?b", "a#b", "a b", "..", "a..b", "%2e", "x".repeat(200)]) {
      expect(await failure(source().rim(id))).toMatchObject({ code: "collateral_settings" });
    }
    expect(service.requests).toEqual([]);
  });
});

describe("an OCSP answer", () => {
  it("is posted for with a new nonce each time, and kept until its next update", async () => {
    const statuses = source();
    const answer = await statuses.ocsp(pair);
    expect(await verifyOcspAnswer(answer, { ...pair, nowMs: NOW_MS })).toMatchObject({ status: "good", faults: [] });
    service.nowMs += DAY_MS - 1;
    expect(await statuses.ocsp(pair)).toEqual(answer);
    service.nowMs += 1;
    expect(await statuses.ocsp(pair)).not.toEqual(answer);
    expect(lines("ocsp")).toEqual(["POST /", "POST /"]);
    expect(service.requests.map(({ contentType }) => contentType)).toEqual(Array(2).fill("application/ocsp-request"));
    const [first, second] = service.requests.map(({ body }) => body.subarray(-32).toString("hex"));
    expect(first).not.toBe(second);
  });

  it("is not kept for longer than a day, nor when it says anything but good", async () => {
    service.ocspWish = { nextUpdateMs: NOW_MS + 365 * DAY_MS };
    const statuses = source();
    await statuses.ocsp(pair);
    service.nowMs += DAY_MS;
    await statuses.ocsp(pair);
    expect(lines("ocsp")).toHaveLength(2);
    for (const status of ["revoked", "hold", "unknown"] as const) {
      service.requests.length = 0;
      service.ocspWish = { status };
      const other = source();
      await other.ocsp(pair);
      await other.ocsp(pair);
      expect(lines("ocsp")).toHaveLength(2);
    }
  });

  it("is refused with another nonce or none, about another certificate, without an end, or when there is no status", async () => {
    for (const [wish, code, problem] of [
      [{ nonce: new Uint8Array(32) }, "collateral_mismatch", "nonce"],
      [{ extensions: [], nonce: new Uint8Array(1) }, "collateral_mismatch", "nonce"],
      [{ serial: "e10999" }, "collateral_mismatch", "another certificate"],
      [{ nextUpdateMs: null }, "collateral_malformed", "until when"],
      [{ responseStatus: 6 }, "collateral_refused", "unauthorized"],
    ] as const) {
      service.ocspWish = wish;
      const error = await failure(source().ocsp(pair));
      expect(error).toMatchObject({ code, field: 'ocsp "Device"' });
      expect(error.problem).toContain(problem);
    }
    reply("ocsp", 200, new Uint8Array(20_000));
    expect(await failure(source().ocsp(pair))).toMatchObject({ problem: expect.stringContaining("more than 16384 bytes") });
  });
});

describe("NVIDIA's second opinion", () => {
  it("is asked for with version 4's request, and comes with the keys that it names", async () => {
    const { token, jwks } = await source().nras(asked);
    expect(await verifyNrasAnswer(token, jwks, { nonce: NONCE, nowMs: NOW_MS, roots: [nras.root.der] })).toMatchObject({ ok: true });
    expect(service.requests.map(({ line }) => line)).toEqual(["POST /v4/attest/gpu", "GET /.well-known/jwks.json"]);
    expect(service.requests[0]?.contentType).toBe("application/json");
    expect(JSON.parse(service.requests[0]?.body.toString() ?? "")).toEqual({
      nonce: "5a".repeat(32),
      arch: "HOPPER",
      claims_version: "3.0",
      evidence_list: [{ evidence: "AQID", certificate: "LS0tLS1CRUdJTg==", arch: "HOPPER" }],
    });
  });

  it("is asked for with version 3's request where that is wanted", async () => {
    await source({ nrasVersion: "v3" }).nras(asked);
    expect(service.requests[0]?.line).toBe("POST /v3/attest/gpu");
    expect(JSON.parse(service.requests[0]?.body.toString() ?? "")).not.toHaveProperty("claims_version");
  });

  it("is never kept, while the key set is kept for an hour as long as it has the keys", async () => {
    const opinions = source();
    await opinions.nras(asked);
    await opinions.nras(asked);
    expect([lines("nras").length, lines("jwks").length]).toEqual([2, 1]);
    service.nras = mintNrasAnswer(nras.key, { gpus: 1, keyId: "newer-key" });
    const { keys } = keySetOf(nras.key, [nras.leaf], { kid: "newer-key" });
    service.jwks = { keys };
    expect((await opinions.nras(asked)).jwks).toEqual({ keys });
    await opinions.nras(asked);
    expect([lines("nras").length, lines("jwks").length]).toEqual([4, 2]);
    service.nowMs += HOUR_MS;
    await opinions.nras(asked);
    expect(lines("jwks")).toHaveLength(3);
  });

  it("is shared by callers who ask for the same, but no key set by callers who need other keys", async () => {
    const opinions = source();
    await Promise.all([opinions.nras(asked), opinions.nras(asked), opinions.nras({ ...asked, nonce: NONCE.with(0, 1) })]);
    expect([lines("nras").length, lines("jwks").length]).toEqual([2, 1]);
  });

  it("is not asked for about no GPUs, or several architectures", async () => {
    for (const gpus of [[], [gpu, { ...gpu, arch: "BLACKWELL" as const }]]) {
      expect(await failure(source().nras({ gpus, nonce: NONCE }))).toMatchObject({ code: "collateral_settings" });
    }
    expect(service.requests).toEqual([]);
  });

  it("names what is not JSON", async () => {
    reply("nras", 200, "<html>");
    expect(await failure(source().nras(asked))).toMatchObject({ code: "collateral_malformed", field: "nras" });
    reply("jwks", 200, "<html>");
    expect(await failure(source().nras(asked))).toMatchObject({ code: "collateral_malformed", field: "nras jwks" });
  });
});

describe("all that evidence needs", () => {
  const path = [pair.cert, pair.issuer, parsed(root)];
  const need = { rimIds: [RIM_ID, RIM_ID], paths: [path, path], rimRoots: [], nras: asked };

  it("comes at once, each piece once", async () => {
    const { endorsements, problems: missing } = await source().fetch(need);
    expect(missing).toEqual([]);
    expect(endorsements.rims).toEqual(["<rim/>"]);
    expect(endorsements.ocsp).toHaveLength(2);
    expect(endorsements.nras?.jwks).toEqual(nras.keySet);
    expect([lines("rim").length, lines("ocsp").length, lines("nras").length]).toEqual([1, 2, 1]);
  });

  it("leaves out what cannot be had, and says so once", async () => {
    service.rims.clear();
    service.statuses.delete(pair.cert.serial);
    reply("nras", 400);
    const { endorsements, problems: missing } = await source().fetch(need);
    expect([endorsements.rims, endorsements.ocsp.length, endorsements.nras]).toEqual([[], 1, undefined]);
    expect(missing.map(({ field }) => field).toSorted()).toEqual(["nras", 'ocsp "Device"', `rim ${RIM_ID}`]);
    expect(missing.every((problem) => problem instanceof CollateralError)).toBe(true);
  });

  it("does not ask for a second opinion unasked", async () => {
    const { nras: _, ...local } = need;
    expect((await source().fetch(local)).endorsements).not.toHaveProperty("nras");
    expect([lines("nras"), lines("jwks")]).toEqual([[], []]);
  });

  it.skipIf(noVectors)("asks for the status of a manifest's own certificates, up to its root", async () => {
    const xml = new TextDecoder().decode(readVector("nvidia/rims/1010_0200_882_96005E0001_PROD.swidtag"));
    service.rims.set(RIM_ID, xml);
    const pem = new TextDecoder().decode(readVector("nvidia/roots/verifier_RIM_root.pem")).replaceAll(/-.*-|\s/g, "");
    const rimRoots = [parseP384Certificate(Buffer.from(pem, "base64"))];
    const { endorsements, problems: missing } = await source().fetch({ rimIds: [RIM_ID], paths: [], rimRoots });
    expect(endorsements.rims).toEqual([xml]);
    expect(missing.map(({ field }) => field).toSorted()).toEqual([
      'ocsp "HCC RIM L4 Signer"',
      'ocsp "NVIDIA Reference Value GH100 CA"',
      'ocsp "NVIDIA Reference Value L3 GH100 001"',
    ]);
  });

  it("ends for a caller who leaves, and for nobody else", async () => {
    const held = deferred();
    service.script = ({ piece }, response) => {
      if (piece !== "rim") return false;
      void held.promise.then(() => response.end(JSON.stringify(rimAnswer(RIM_ID, "<rim/>"))));
      return true;
    };
    const rims = source();
    const stop = new AbortController();
    const [leaves, stays] = [rims.fetch({ rimIds: [RIM_ID], paths: [], rimRoots: [] }, stop.signal), rims.rim(RIM_ID)];
    await service.requested(1);
    stop.abort(new Error("enough"));
    await expect(leaves).rejects.toThrow("enough");
    held.resolve();
    expect(await stays).toBe("<rim/>");
    expect(lines("rim")).toHaveLength(1);
    await expect(rims.rim(RIM_ID, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  });
});

describe("a service that fails", () => {
  it("is asked again after the time that it names, also what is posted", async () => {
    service.script = ({ piece }, response, count) => {
      if (piece !== "ocsp" || count > 1) return false;
      response.writeHead(429, { "retry-after": "7" }).end();
      return true;
    };
    await source().ocsp(pair);
    expect(waits).toEqual([7000]);
    const [first, second] = service.requests.map(({ body }) => body.toString("hex"));
    expect(first).toBe(second);
  });

  it("is left alone for as long as it asks, with all its pieces", async () => {
    reply("rim", 429, "", { "retry-after": "120" });
    const pieces = source();
    expect(await failure(pieces.rim(RIM_ID))).toMatchObject({ code: "collateral_rate_limited", retryAfterMs: 120_000 });
    service.nowMs += 20_000;
    expect(await failure(pieces.ocsp(pair))).toMatchObject({
      code: "collateral_rate_limited",
      field: 'ocsp "Device"',
      retryAfterMs: 100_000,
    });
    expect(service.requests).toHaveLength(1);
    service.nowMs += 100_000;
    service.script = () => false;
    expect(await pieces.rim(RIM_ID)).toBe("<rim/>");
  });

  it("is not followed elsewhere, and gives no body, header or key away in errors", async () => {
    reply("nras", 302, "secret", { location: "https://elsewhere.example/secret" });
    const redirected = await failure(source().nras(asked));
    expect(redirected.problem).toContain("redirects");
    reply("nras", 500, "secret details");
    const failed = await failure(source().nras(asked));
    expect(failed).toMatchObject({ code: "collateral_unreachable", action: "retry" });
    expect(`${redirected.message}${failed.message}`).not.toContain("secret");
  });

  it("is given up after its time, and cannot fill the memory", async () => {
    service.script = () => true;
    expect(await failure(source({ timeoutMs: 50 }).rim(RIM_ID))).toMatchObject({ problem: expect.stringContaining("within 50 ms") });
    reply("jwks", 200, gzipSync(Buffer.alloc(20_000_000)), { "content-encoding": "gzip" });
    expect(await failure(source().nras(asked))).toMatchObject({ problem: expect.stringContaining("more than 524288 bytes") });
  });

  it("stops being asked when the source is closed", async () => {
    service.script = () => true;
    const pieces = source({ wait: waitByTimer });
    const fetched = pieces.rim(RIM_ID);
    await service.requested(1);
    pieces.close();
    await expect(fetched).rejects.toThrow();
  });
});

describe("a store", () => {
  it("is shared by sources, and asked before the service", async () => {
    const store = createGpuMemoryStore();
    await source({ store }).fetch({ rimIds: [RIM_ID], paths: [[pair.cert, pair.issuer]], rimRoots: [], nras: asked });
    service.requests.length = 0;
    await source({ store }).fetch({ rimIds: [RIM_ID], paths: [[pair.cert, pair.issuer]], rimRoots: [], nras: asked });
    expect(service.requests.map(({ piece }) => piece)).toEqual(["nras"]);
  });

  it("that fails is reported, and passed over", async () => {
    const broken = { get: () => Promise.reject(new Error("disk")), put: () => Promise.reject(new Error("disk")) };
    expect(await source({ store: broken }).rim(RIM_ID)).toBe("<rim/>");
    expect(problems).toEqual([expect.stringContaining("could not be read"), expect.stringContaining("could not be written")]);
  });

  it("that holds junk, or pieces of the future, is passed over", async () => {
    for (const piece of [
      { text: "!", fetchedMs: NOW_MS },
      { text: "AAAA", fetchedMs: NOW_MS },
      { text: "AAAA", fetchedMs: NOW_MS + 1 },
      { text: "", fetchedMs: Number.NaN },
    ]) {
      const store = { get: async () => piece, put: async () => {} };
      expect(await verifyOcspAnswer(await source({ store }).ocsp(pair), { ...pair, nowMs: NOW_MS })).toMatchObject({ status: "good" });
      expect((await source({ store }).nras(asked)).jwks).toEqual(nras.keySet);
    }
  });

  it("in memory forgets what was used longest ago", async () => {
    const store = createGpuMemoryStore(2);
    const piece = { text: "a", fetchedMs: 0 };
    await store.put("a", piece);
    await store.put("b", piece);
    await store.get("a");
    await store.put("c", piece);
    expect([await store.get("a"), await store.get("b"), await store.get("c")]).toEqual([piece, undefined, piece]);
  });
});

describe("settings", () => {
  it("that cannot be used are refused by name, without repeating them", () => {
    for (const name of ["rimUrl", "ocspUrl", "nrasUrl"] as const) {
      for (const [url, problem] of [
        ["nowhere", "not a URL"],
        ["http://nvidia.example.com", "plain http"],
        ["https://user:secret@nvidia.example.com", "user name"],
        ["https://nvidia.example.com/?key=secret", "query"],
      ] as const) {
        const create = () => source({ [name]: url });
        expect(create).toThrow(`collateral: ${name}: `);
        expect(create).toThrow(problem);
        expect(create).not.toThrow("secret");
      }
    }
    expect(() => source({ ocspUrl: "nowhere" })).toThrow("https://ocsp.ndis.nvidia.com");
    expect(() => source({ rimUrl: "http://nvidia.example.com", allowInsecureHttp: true })).not.toThrow();
    for (const timeoutMs of [0, Number.NaN, 2 ** 31]) {
      expect(() => source({ timeoutMs })).toThrow("timeoutMs");
      expect(() => source({ maxWaitMs: timeoutMs })).toThrow("maxWaitMs");
    }
  });

  it("default to NVIDIA's services", async () => {
    const urls: string[] = [];
    const record = async (url: string) => {
      urls.push(url);
      throw new TypeError("offline");
    };
    const pieces = createGpuEndorsementSource({ fetch: record, nowMs: () => NOW_MS, wait: async () => {} });
    await Promise.allSettled([pieces.rim(RIM_ID), pieces.ocsp(pair), pieces.nras(asked)]);
    expect([...new Set(urls)].toSorted()).toEqual([
      "https://nras.attestation.nvidia.com/v4/attest/gpu",
      "https://ocsp.ndis.nvidia.com/",
      `https://rim.attestation.nvidia.com/v1/rim/${RIM_ID}`,
    ]);
  });
});
