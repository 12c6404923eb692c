import { parseHex } from "@bauta/protocol";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { bounded } from "../../../../tests/support/bounded.ts";
import { noVectors, readJsonVector } from "../../../../tests/support/vectors.ts";
import { createMintedNras, keySetOf, mintNrasAnswer, NONCE, type NrasWish, requiredClaims } from "../testing/minted-nras.ts";
import { mintCertificate, mintKey, NOW_MS } from "../testing/minted-nvidia.ts";
import { MAX_TOKEN_CHARACTERS, parseToken, TokenError } from "./json-web-token.ts";
import { parseNrasAnswer } from "./nras-answer.ts";
import { type NrasQuestion, verifyNrasAnswer } from "./nras-token.ts";

const HOUR_MS = 3_600_000;
const nras = createMintedNras();
const trust = { nonce: NONCE, nowMs: NOW_MS, roots: [nras.root.der] };

const ask = (wish: NrasWish = {}, question: Partial<NrasQuestion> = {}, keySet: unknown = nras.keySet) =>
  verifyNrasAnswer(mintNrasAnswer(nras.key, wish), keySet, { ...trust, ...question });
/** The first of the reasons for a refusal. */
const reason = async (wish: NrasWish = {}, question: Partial<NrasQuestion> = {}, keySet: unknown = nras.keySet) => {
  const { ok, reasons } = await ask(wish, question, keySet);
  expect(ok).toBe(false);
  return reasons[0];
};

describe.skipIf(noVectors)("the recorded answer of NVIDIA's service", () => {
  const read = () =>
    readJsonVector("venice-2026-04-24/0006_nras.attestation.nvidia.com_v3_attest_gpu.body") as [[string, string], Record<string, string>];
  const keySet = () => readJsonVector("venice-2026-04-24/0007_nras.attestation.nvidia.com_.well-known_jwks.json.body");
  let nonce: Uint8Array;
  beforeAll(() => {
    const { nonce_hex } = readJsonVector("venice-2026-04-24/manifest.json") as { nonce_hex: string };
    nonce = parseHex(nonce_hex, 32) ?? new Uint8Array();
  });
  const nowMs = Date.parse("2026-04-24T01:58:41.564Z");

  it("verifies with its key set at its time, by the pinned authority", async () => {
    const result = await verifyNrasAnswer(read(), keySet(), { nonce, nowMs });
    expect(result).toMatchObject({ ok: true, reasons: [], overall: true, version: "2.0", anchor: "nvidia" });
    expect(result.expiresMs).toBe(1_776_999_513_000);
    expect(result.gpus).toHaveLength(8);
    expect(result.gpus[0]).toEqual({
      name: "GPU-0",
      model: "GH100",
      driver: "570.172.08",
      vbios: "96.00.CF.00.02",
      serial: "5fd988c7a959dc0504f32cc5670330df8af7ea10",
    });
  });

  it("fails an hour later, and before its time", async () => {
    const { ok, reasons, gpus } = await verifyNrasAnswer(read(), keySet(), { nonce, nowMs: nowMs + HOUR_MS });
    expect([ok, gpus]).toEqual([false, []]);
    expect(reasons[0]).toContain("valid only until 2026-04-24T02:58:32.999Z");
    expect((await verifyNrasAnswer(read(), keySet(), { nonce, nowMs: nowMs - HOUR_MS })).reasons[0]).toContain("valid only from");
  });

  it("fails with another nonce", async () => {
    const { ok, reasons } = await verifyNrasAnswer(read(), keySet(), { nonce: nonce.with(0, 0), nowMs });
    expect([ok, reasons]).toEqual([false, ["NRAS's overall token is about another nonce"]]);
  });

  it("fails with one submodule swapped for another, left out, or added", async () => {
    const [overall, modules] = read();
    const swapped = [overall, { ...modules, "GPU-3": modules["GPU-4"], "GPU-4": modules["GPU-3"] }];
    const { ok, reasons, gpus } = await verifyNrasAnswer(swapped, keySet(), { nonce, nowMs });
    expect([ok, gpus.length]).toEqual([false, 6]);
    expect(reasons).toEqual([
      "NRAS's token of GPU-3 is not the one that the overall token holds",
      "NRAS's token of GPU-4 is not the one that the overall token holds",
    ]);
    const { "GPU-7": left, ...seven } = modules;
    expect((await verifyNrasAnswer([overall, seven], keySet(), { nonce, nowMs })).reasons).toEqual([
      "1 of the 8 tokens that NRAS's overall token holds are not there",
    ]);
    expect((await verifyNrasAnswer([overall, { ...modules, "GPU-8": left }], keySet(), { nonce, nowMs })).ok).toBe(false);
  });

  it("fails with a key set that others made", async () => {
    expect((await verifyNrasAnswer(read(), nras.keySet, { nonce, nowMs })).reasons[0]).toContain("not in it");
  });

  it("has the form of version 4 as well, whose keys were not recorded", async () => {
    const version4 = readJsonVector("nvidia/nras/hopperClaimsv3_detached_eat.json");
    const { overall, modules } = parseNrasAnswer(version4);
    expect(parseToken(overall, "overall").claims["x-nvidia-ver"]).toBe("3.0");
    const decoded = readJsonVector("nvidia/nras/hopperClaimsv3_decoded.json") as Record<string, unknown>;
    expect(parseToken(modules.get("GPU-0") ?? "", "GPU-0").claims).toEqual(decoded["GPU-0"]);
    expect((await verifyNrasAnswer(version4, keySet(), { nonce, nowMs })).reasons[0]).toContain("not in it");
  });

  it("has every claim that NVIDIA's own policies demand among those that are demanded here", () => {
    for (const [file, version] of [
      ["NVGPURemotePolicy_v3.json", "2.0"],
      ["NVGPURemotePolicy_v4.json", "3.0"],
    ] as const) {
      const policy = readJsonVector(`nvidia/nras/${file}`) as { "authorization-rules": { "detached-claims": object } };
      expect(requiredClaims(version)).toEqual(expect.arrayContaining(Object.keys(policy["authorization-rules"]["detached-claims"])));
    }
  });
});

describe("a minted answer", () => {
  it.each(["2.0", "3.0"] as const)("verifies with claims of version %s, for a named root", async (version) => {
    const result = await ask({ version });
    expect(result).toMatchObject({ ok: true, reasons: [], version, anchor: "named", expiresMs: NOW_MS + HOUR_MS });
    expect(result.gpus.map(({ name, serial }) => [name, serial])).toEqual([
      ["GPU-0", "03e8"],
      ["GPU-1", "03e9"],
    ]);
  });

  it("may come from a clock that is a little ahead, and shows NVIDIA's warning", async () => {
    const soon = NOW_MS / 1000 + 60;
    expect((await ask({ overallClaims: { iat: soon, nbf: soon } })).ok).toBe(true);
    expect((await ask({ gpuClaims: { "x-nvidia-attestation-warning": "on hold" } })).gpus[0]?.warning).toBe("on hold");
  });

  it.each(["2.0", "3.0"] as const)("fails when a claim of version %s is false, missing or of another type", async (version) => {
    for (const name of requiredClaims(version)) {
      for (const value of [false, undefined, "true", 1, null]) {
        const { ok, reasons } = await ask({ version, gpus: 1, gpuClaims: { [name]: value } });
        expect([name, ok]).toEqual([name, false]);
        expect(reasons[0]).toContain(name);
      }
    }
  });

  it("fails for a certificate on hold, an error that NRAS reports, and a device in debug mode", async () => {
    const hold = { "x-nvidia-cert-status": "revoked", "x-nvidia-cert-ocsp-status": "revoked" };
    expect(await reason({ gpuClaims: { "x-nvidia-gpu-driver-rim-cert-chain": hold } })).toContain("driver-rim-cert-chain");
    expect(await reason({ gpuClaims: { "x-nvidia-error-details": { code: 4010 } } })).toContain("error-details");
    expect(await reason({ gpuClaims: { dbgstat: "enabled" } })).toContain("dbgstat");
  });

  it("fails when the overall result is no success, or of an unknown version, issuer or subject", async () => {
    expect(await reason({ overallClaims: { "x-nvidia-overall-att-result": false } })).toContain("overall result");
    expect(await reason({ overallClaims: { "x-nvidia-overall-att-result": "true" } })).toContain("overall result");
    expect(await reason({ overallClaims: { "x-nvidia-ver": "9.0" } })).toContain("version");
    expect(await reason({ overallClaims: { iss: "https://nras.example.com" } })).toContain("not issued by");
    expect(await reason({ gpuClaims: { iss: "https://nras.example.com" } })).toContain("GPU-0 is not issued by");
    expect(await reason({ overallClaims: { sub: "somebody" } })).toContain("not about");
    expect((await ask({ overallClaims: { iss: "a" }, gpuClaims: { iss: "a" } }, { issuer: "a" })).ok).toBe(true);
  });

  it("fails for a GPU's own nonce and dates, not only the overall token's", async () => {
    expect(await reason({ gpuClaims: { eat_nonce: "00".repeat(32) } })).toContain("GPU-0 is about another nonce");
    expect(await reason({ gpuClaims: { exp: NOW_MS / 1000 } })).toContain("GPU-0 was valid only until");
    expect(await reason({ gpuClaims: { nbf: NOW_MS / 1000 + 600 } })).toContain("GPU-0 is valid only from");
    expect(await reason({ gpuClaims: { iat: NOW_MS / 1000 + 600 } })).toContain("GPU-0 is valid only from");
    for (const value of [undefined, "1", -1, 1e300, null]) {
      for (const name of ["exp", "nbf", "iat"]) expect(await reason({ overallClaims: { [name]: value } })).toContain("does not say when");
    }
  });

  it("fails when it holds its tokens by no digest, or by another kind", async () => {
    for (const submods of [
      undefined,
      {},
      { "GPU-0": "x" },
      { "GPU-0": ["DIGEST", ["SHA-1", "00"]] },
      { "GPU-0": ["JWT", ["SHA-256", "00"]] },
    ]) {
      expect(await reason({ gpus: 1, overallClaims: { submods } })).toContain("is not the one that the overall token holds");
    }
  });

  it("fails when somebody else's key signed a token", async () => {
    expect(await reason({ key: mintKey() })).toContain("the signature of NRAS's overall token is not by the key");
    expect(await reason({ gpuKey: mintKey() })).toContain("the signature of NRAS's token of GPU-0 is not by the key");
    expect(await reason({ keyId: "another-key" })).toContain("no certificates");
    expect(await reason({ keyId: "no-key" })).toContain("not in it");
  });

  it("fails for other algorithms, whatever the header promises", async () => {
    for (const alg of ["none", "ES256", "HS256", "RS256", undefined])
      expect(await reason({ header: { alg } })).toContain("algorithm is not ES384");
    expect(await reason({ header: { crit: ["b64"], b64: false } })).toContain("critical");
    expect(await reason({ header: { kid: 7 } })).toContain("names no key");
  });

  it("fails for devices that are not GPUs", async () => {
    const [overall, modules] = mintNrasAnswer(nras.key);
    const answer = [overall, { "SWITCH-0": modules["GPU-0"] }];
    expect((await verifyNrasAnswer(answer, nras.keySet, trust)).reasons).toContain("NRAS's token of SWITCH-0 is not of a GPU");
  });
});

describe("the signer's certificates", () => {
  it("end in nobody's word without a named root, which a caller may accept for keys that it fetched itself", async () => {
    expect(await reason({}, { roots: [] })).toContain("no trusted authority");
    expect(await reason({}, { roots: [mintCertificate({ name: "Minted NRAS CA", ca: true }).der] })).toContain("not by the key of");
    expect(await ask({}, { roots: [], keySetFromNvidia: true })).toMatchObject({ ok: true, anchor: "none" });
    const bare = keySetOf(nras.key, []);
    expect(await reason({}, {}, bare)).toContain("no certificates");
    expect(await ask({}, { keySetFromNvidia: true }, bare)).toMatchObject({ ok: true, anchor: "none" });
  });

  it("may be anchored at the intermediate, or at a root that comes along, with an RSA key in between", async () => {
    expect((await ask({}, { roots: [nras.authority.der] })).anchor).toBe("named");
    const whole = keySetOf(nras.key, [nras.leaf, nras.authority, nras.root]);
    expect(await ask({}, {}, whole)).toMatchObject({ ok: true, anchor: "named" });
    const rsa = createMintedNras({ authorityKey: "rsa" });
    const answer = mintNrasAnswer(rsa.key);
    expect(await verifyNrasAnswer(answer, rsa.keySet, { ...trust, roots: [rsa.root.der] })).toMatchObject({ ok: true });
    const weak = createMintedNras({ authorityKey: "rsa1024" });
    expect((await verifyNrasAnswer(mintNrasAnswer(weak.key), weak.keySet, { ...trust, roots: [weak.root.der] })).reasons[0]).toContain(
      "not by the key of",
    );
  });

  const leaf = (wish: object) => mintCertificate({ name: "Leaf", key: nras.key, issuer: nras.authority, ...wish });
  it.each([
    ["of another key", mintCertificate({ name: "Leaf", issuer: nras.authority }), "another key"],
    ["that ended", leaf({ notAfterMs: NOW_MS - 1000 }), "valid only until"],
    ["of the future", leaf({ notBeforeMs: NOW_MS + 1000 }), "valid only from"],
    ["of a CA", leaf({ ca: true }), "signing data"],
    ["without the usage", leaf({ usage: 0x08 }), "signing data"],
    ["signed by another key", leaf({ issuer: { ...nras.authority, key: mintKey() } }), "not by the key of"],
    ["of another issuer", leaf({ issuer: nras.root }), "not who its certificates name"],
  ] as const)("are refused: a certificate %s", async (_, certificate, problem) => {
    expect(await reason({}, {}, keySetOf(nras.key, [certificate, nras.authority]))).toContain(problem);
  });

  it.each([
    ["that is no CA", { ca: false, usage: 0x84 }, "may not sign certificates"],
    ["without the usage", { ca: true, usage: 0x80 }, "may not sign certificates"],
    ["that ended", { ca: true, notAfterMs: NOW_MS - 1000 }, "valid only until"],
  ] as const)("are refused: an authority %s", async (_, wish, problem) => {
    const authority = mintCertificate({ name: "Authority", issuer: nras.root, ...wish });
    expect(await reason({}, {}, keySetOf(nras.key, [leaf({ issuer: authority }), authority]))).toContain(problem);
  });

  it("are refused: a path that is longer than an authority allows, or certificates that cannot be read", async () => {
    const short = mintCertificate({ name: "Short", ca: true, pathLength: 0, issuer: nras.root });
    const below = mintCertificate({ name: "Below", ca: true, issuer: short });
    expect(await reason({}, {}, keySetOf(nras.key, [leaf({ issuer: below }), below, short]))).toContain("too short a path");
    expect(await reason({}, {}, keySetOf(nras.key, [], { x5c: ["AAAA"] }))).toContain("cannot be read");
    for (const x5c of ["AAAA", [7], ["-_"], Array(9).fill("AAAA")])
      expect(await reason({}, {}, keySetOf(nras.key, [], { x5c }))).toContain("x5c");
  });

  it("are asked for the one key that is meant", async () => {
    const { keys } = nras.keySet;
    expect(await reason({}, {}, { keys: [...keys, ...keys] })).toContain("two keys");
    for (const members of [{ kty: "RSA" }, { crv: "P-256" }, { use: "enc" }, { alg: "ES256" }, { x: "AAAA" }, { y: undefined }]) {
      expect(await reason({}, {}, keySetOf(nras.key, [], members))).toContain("not a P-384 key");
    }
    for (const keySet of [undefined, null, [], {}, { keys: {} }, { keys: Array.from({ length: 300 }, () => ({})) }]) {
      expect((await verifyNrasAnswer(mintNrasAnswer(nras.key), keySet, trust)).reasons[0]).toContain("no list of up to 256 keys");
    }
  });
});

describe("the parsers", () => {
  it("throw only their own error", () => {
    const own = (read: () => unknown) => {
      try {
        read();
      } catch (error) {
        expect(error).toBeInstanceOf(TokenError);
      }
    };
    fc.assert(fc.property(fc.string(), (text) => own(() => parseToken(text, "token"))));
    fc.assert(fc.property(fc.jsonValue(), (value) => own(() => parseNrasAnswer(value))));
    const part = fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString("base64url"));
    fc.assert(fc.property(part, part, part, (a, b, c) => own(() => parseToken(`${a}.${b}.${c}`, "token"))));
  });

  it("never let an answer of any shape pass, nor throw", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (answer, keySet) => {
        const { ok, reasons } = await verifyNrasAnswer(answer, keySet, trust);
        expect([ok, reasons.length > 0]).toEqual([false, true]);
      }),
    );
  });

  it("refuse a text with two readings", () => {
    const token = mintNrasAnswer(nras.key)[0][1];
    expect(parseToken(token, "token").keyId).toBe("minted-key-1");
    for (const other of [`${token}=`, `${token} `, `${token}.`, token.replace(".", "=."), `.${token}`, token.slice(0, -1)]) {
      expect(() => parseToken(other, "token")).toThrow(TokenError);
    }
  });

  it("are done with bombs in 100 ms", async () => {
    const deep = `e30.${Buffer.from("[".repeat(10_000)).toString("base64url")}.AAAA`;
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`GPU-${index}`, "a"]));
    const bombs = [
      [["JWT", deep], { "GPU-0": deep }],
      [["JWT", "a".repeat(50_000_000)], { "GPU-0": "a" }],
      [["JWT", "a"], many],
      Array(1_000_000).fill(0),
    ];
    await bounded(async () => {
      for (const bomb of bombs) expect((await verifyNrasAnswer(bomb, nras.keySet, trust)).ok).toBe(false);
      expect(() => parseToken(".".repeat(MAX_TOKEN_CHARACTERS), "token")).toThrow(TokenError);
    });
  });
});
