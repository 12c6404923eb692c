import { readFileSync } from "node:fs";
import { addressOf, canonicalJson, type CryptoBackend, type KeyPair, type KeysStatement, signText, toHex } from "@bauta/protocol";
import { signKeysStatement, signReceipt } from "@bauta/protocol/enclave";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyBackend, backends, bytes, flipBit } from "../../../../tests/support/backends.ts";
import { parseAttestationAnswer } from "../evidence/attestation-answer.ts";
import { type CheckId, failed, notChecked, passed } from "../result.ts";
import { type KeysStatementInput, verifyKeysStatement } from "./keys-statement.ts";
import { deriveSigningKey } from "./signing-key.ts";

const NOW_MS = Date.parse("2026-11-20T12:00:00Z");
const NONCE = "0a".repeat(32);
const keyBinding = passed("key.bound-to-report-data", "bound");
const pair = anyBackend.createKeyPair();
const signing = deriveSigningKey({ signingKey: toHex(pair.publicKey) });

const statement: KeysStatement = {
  nonce: NONCE,
  model: "e2ee-a",
  versions: ["1"],
  key_origin: "boot",
  hpke_key_config: null,
  gpu_evidence_sha256: null,
  weights: [
    { name: "a-1.gguf", sha256: "0b".repeat(32) },
    { name: "a-2.gguf", sha256: "0c".repeat(32) },
  ],
  engine: { name: "engine", image_digest: "0d".repeat(32) },
  not_after: NOW_MS / 1000 + 60,
};

function serve(changes: Partial<KeysStatement> = {}, by: KeyPair = pair): KeysStatementInput["evidence"] {
  const { keys, signature } = signKeysStatement(anyBackend, by.secretKey, { ...statement, ...changes });
  return { keys, keysSignature: signature };
}
function verify(evidence: KeysStatementInput["evidence"], changes: Partial<KeysStatementInput> = {}) {
  const result = verifyKeysStatement({
    evidence,
    signing,
    keyBinding,
    nonce: { query: NONCE, sealed: true },
    model: "e2ee-a",
    nowMs: NOW_MS,
    backend: anyBackend,
    ...changes,
  });
  const status = (id: CheckId) => result.findings.find((finding) => finding.id === id)?.status;
  const reason = (id: CheckId) => result.findings.find((finding) => finding.id === id)?.reason;
  return { ...result, signed: status("keys.signed"), exclusive: status("key.exclusive"), weights: status("weights.named"), reason };
}
/** Any text under the model key, whatever it says. */
function signPlain(text: string, keys = text): Required<KeysStatementInput["evidence"]> {
  return { keys, keysSignature: signText(anyBackend, pair.secretKey, text) };
}
const signAny = (tag: string, keys: string) => signPlain(`${tag}\n${keys}`, keys);
/** Nothing may rest on a statement that did not pass. */
function expectNothing(result: ReturnType<typeof verify>): void {
  expect(result.findings.map(({ id }) => id)).toEqual(["keys.signed", "key.exclusive", "weights.named"]);
  expect(result).toMatchObject({ exclusive: "not-checked", weights: "not-checked", claims: {} });
  expect(result.claims).toEqual({});
  expect(result.statement).toBeUndefined();
}
function expectFailed(evidence: KeysStatementInput["evidence"], because: string, changes: Partial<KeysStatementInput> = {}): void {
  const result = verify(evidence, changes);
  expect(result.signed).toBe("fail");
  expect(result.reason("keys.signed")).toContain(because);
  expectNothing(result);
}

describe("a statement that holds", () => {
  it.each(backends.map((backend) => [backend.name, backend] as const))("passes on %s, with what it claims", (_name, backend) => {
    const result = verify(serve(), { backend });
    expect(result).toMatchObject({ signed: "pass", exclusive: "pass", weights: "pass", statement });
    expect(result.claims).toEqual({
      weights: statement.weights,
      engine: statement.engine,
      versions: ["1"],
      key_origin: "boot",
      keys_expire: "2026-11-20T12:01:00.000Z",
    });
    expect(result.reason("key.exclusive")).toContain("on the word of its measured image");
    expect(result.findings[2]?.detail).toEqual({ "file 1": `${"0b".repeat(32)} a-1.gguf`, "file 2": `${"0c".repeat(32)} a-2.gguf` });
  });

  it("does not call a derived key exclusive", () => {
    const result = verify(serve({ key_origin: "kms" }));
    expect(result).toMatchObject({ signed: "pass", exclusive: "not-checked", claims: { key_origin: "kms" } });
    expect(result.reason("key.exclusive")).toContain("not that nobody else does");
  });

  it("names no weights that are none", () => {
    for (const weights of [null, []]) expect(verify(serve({ weights }))).toMatchObject({ signed: "pass", weights: "not-checked" });
    expect(verify(serve({ weights: null })).claims).not.toHaveProperty("weights");
  });

  it("shows no more weights than fit, and claims them all", () => {
    const weights = Array.from({ length: 40 }, (_, index) => ({ name: "🙂".repeat(500) + index, sha256: NONCE }));
    const { findings, claims } = verify(serve({ weights }));
    expect(Object.values(findings[2]?.detail ?? {})).toEqual(Array.from({ length: 16 }, () => `${NONCE} ${"🙂".repeat(128)}`));
    expect(claims.weights).toEqual(weights);
  });

  it("claims the HPKE configuration where there is one", () => {
    expect(verify(serve({ versions: ["1", "2"], hpke_key_config: "0100" })).claims).toMatchObject({
      hpke_key_config: "0100",
      versions: ["1", "2"],
    });
  });

  it("is for the nonce that REPORTDATA binds: of a text its SHA-256, of hex digits in either case those", () => {
    const hashed = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    expect(verify(serve({ nonce: hashed }), { nonce: { query: "hello", sealed: false } }).signed).toBe("pass");
    expect(verify(serve(), { nonce: { query: NONCE.toUpperCase(), sealed: true } }).signed).toBe("pass");
  });

  it("says where no model was compared", () => {
    expect(verify(serve(), { model: undefined }).reason("keys.signed")).toContain("its model not compared");
  });
});

describe("a statement in an attestation answer", () => {
  const answer = { intel_quote: "BAACAIEA", signing_key: toHex(pair.publicKey) };

  it("is read from keys and keys_signature", () => {
    const { keys, keysSignature } = serve();
    expect(verify(parseAttestationAnswer({ ...answer, keys, keys_signature: keysSignature })).signed).toBe("pass");
    expect(verify(parseAttestationAnswer(answer)).signed).toBe("not-checked");
    expect(verify(parseAttestationAnswer({ ...answer, keys: null, keys_signature: null })).signed).toBe("not-checked");
    expectFailed(parseAttestationAnswer({ ...answer, keys: "", keys_signature: "" }), "it is not JSON");
  });

  it("is a text of bounded length, or the answer is refused", () => {
    for (const [member, value] of Object.entries({ keys: {}, keys_signature: ["0x"] })) {
      expect(() => parseAttestationAnswer({ ...answer, [member]: value })).toThrow(`${member}: must be a string`);
      expect(() => parseAttestationAnswer({ ...answer, [member]: "x".repeat(65_537) })).toThrow("more than");
    }
  });
});

describe("a statement that is not there", () => {
  it("is not checked, and nothing is claimed", () => {
    const result = verify({});
    expect(result.signed).toBe("not-checked");
    expectNothing(result);
    expect(result.reason("key.exclusive")).toContain("another machine may hold it too");
  });

  it("fails where one half of it is left", () => {
    const { keys, keysSignature } = serve();
    expectFailed({ keys: keys as string }, "no keys_signature");
    expectFailed({ keysSignature: keysSignature as string }, "no keys that");
  });
});

describe("a statement that cannot be judged", () => {
  it.each<[string, Partial<KeysStatementInput>, string]>([
    ["a key that REPORTDATA does not hold", { keyBinding: failed("key.bound-to-report-data", "other") }, "key.bound-to-report-data"],
    ["a quote that nothing vouches for", { keyBinding: notChecked("key.bound-to-report-data", "doubt") }, "key.bound-to-report-data"],
    ["no key at all", { signing: deriveSigningKey({ signingKey: "" }) }, "key.address-derived"],
    ["a nonce that no model takes", { nonce: { query: "hello", sealed: true } }, "nonce.bound"],
    ["no means to verify", { backend: undefined }, "no backend"],
  ])("is not checked: %s", (_name, changes, because) => {
    const result = verify(serve(), changes);
    expect(result.signed).toBe("not-checked");
    expect(result.reason("keys.signed")).toContain(because);
    expectNothing(result);
  });
});

describe("a statement that does not hold", () => {
  const other: { readonly [K in keyof KeysStatement]: KeysStatement[K] } = {
    nonce: "0f".repeat(32),
    model: "e2ee-b",
    versions: ["1", "2"],
    key_origin: "kms",
    hpke_key_config: "0100",
    gpu_evidence_sha256: "0e".repeat(32),
    weights: null,
    engine: { name: "another", image_digest: null },
    not_after: statement.not_after + 1,
  };
  it.each(Object.keys(other) as (keyof KeysStatement)[])("%s changed after signing", (member) => {
    const { keysSignature } = serve();
    const keys = canonicalJson({ ...statement, [member]: other[member] });
    expectFailed({ keys, keysSignature: keysSignature as string }, "not the attested key's signature");
  });

  it.each(Object.keys(other))("without %s, though signed", (member) => {
    const members = Object.fromEntries(Object.entries(statement).filter(([name]) => name !== member));
    expectFailed(signAny("bauta/keys/1", canonicalJson(members)), `it lacks ${member}`);
  });

  it("one of another request, another model, or of yesterday: an old statement", () => {
    expectFailed(serve({ nonce: "0f".repeat(32) }), "another nonce");
    expectFailed(serve(), "another nonce", { nonce: { query: "0f".repeat(32), sealed: true } });
    expectFailed(serve({ model: "tee-a" }), "another model");
    const at = (nowMs: number) => verify(serve(), { nowMs }).signed;
    expect([at(statement.not_after * 1000), at(statement.not_after * 1000 + 1), at(NaN)]).toEqual(["pass", "fail", "fail"]);
    expectFailed(serve({ not_after: 0 }), "good until 1970-01-01T00:00:00.000Z");
  });

  it("is signed as another kind, or without a kind", () => {
    const keys = canonicalJson(statement);
    expectFailed(signAny("bauta/receipt/1", keys), "not the attested key's");
    expectFailed(signAny("bauta/keys/2", keys), "not the attested key's");
    expectFailed(signPlain(keys), "not the attested key's");
    const receipt = signReceipt(anyBackend, pair.secretKey, {
      request_id: "chatcmpl-1",
      model: "e2ee-a",
      client_nonce: NONCE,
      request_sha256: NONCE,
      response_sha256: NONCE,
      envelopes_sha256: null,
      finish_reason: "stop",
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      weights: null,
      engine: { name: "e", image_digest: null },
      created: 1,
    });
    expectFailed({ keys: canonicalJson(receipt.receipt), keysSignature: receipt.receiptSignature }, "is not a bauta/keys/1 statement");
    for (const keysSignature of [receipt.receiptSignature, receipt.signature])
      expectFailed({ keys, keysSignature }, "not the attested key's");
  });

  it("is signed by another key, also one that the answer names", () => {
    expectFailed(serve({}, anyBackend.createKeyPair()), "not the attested key's");
  });

  it("has a signature that is not in its one form", () => {
    const { keys, keysSignature } = serve() as Required<KeysStatementInput["evidence"]>;
    const raw = bytes(keysSignature.slice(2));
    const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const s = n - BigInt(`0x${toHex(raw.subarray(32, 64))}`);
    const high = `0x${toHex(raw.subarray(0, 32))}${s.toString(16).padStart(64, "0")}${toHex(Uint8Array.of(raw[64] === 27 ? 28 : 27))}`;
    // It is a signature of the right key all the same: only its form is refused.
    for (const [name, bad] of [
      ["high s", high],
      ["no 0x", keysSignature.slice(2)],
      ["v of 0", `${keysSignature.slice(0, -2)}00`],
      ["the other v", `${keysSignature.slice(0, -2)}${raw[64] === 27 ? "1c" : "1b"}`],
      ["a byte more", `${keysSignature}00`],
      ["empty", ""],
    ] as const) {
      expect(verify({ keys, keysSignature: bad }).signed, name).toBe("fail");
    }
    for (const backend of backends) expect(verify({ keys, keysSignature: high }, { backend }).signed).toBe("fail");
  });

  it("holds under no changed bit of text or signature", () => {
    const evidence = serve() as Required<KeysStatementInput["evidence"]>;
    const text = new TextEncoder().encode(evidence.keys);
    const signature = bytes(evidence.keysSignature.slice(2));
    fc.assert(
      fc.property(fc.nat(text.length * 8 - 1), (bit) => {
        const keys = new TextDecoder().decode(flipBit(text, bit));
        expect(verify({ ...evidence, keys }).signed).toBe("fail");
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.nat(signature.length * 8 - 1), (bit) => {
        expect(verify({ ...evidence, keysSignature: `0x${toHex(flipBit(signature, bit))}` }).signed).toBe("fail");
      }),
      { numRuns: 100 },
    );
  });

  it("throws at nothing that a server could send", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.string(), (keys, keysSignature) => {
        const result = verify({ keys, keysSignature });
        expect(result.signed).toBe("fail");
        expectNothing(result);
      }),
    );
  });
});

describe("keys-statement.json", () => {
  interface Row {
    readonly name: string;
    readonly keys: string;
    readonly keys_signature: string;
    readonly expected: { readonly nonce: string; readonly model: string; readonly not_after: number };
    readonly reason: string;
  }
  const vectors = JSON.parse(readFileSync(new URL("../../../../spec/vectors/keys-statement.json", import.meta.url), "utf8")) as {
    secret_key: string;
    address: string;
    valid: Row[];
    invalid: Row[];
  };
  const owner = anyBackend.keyPairOf(bytes(vectors.secret_key)) as KeyPair;
  const judge = ({ keys, keys_signature, expected }: Row, backend: CryptoBackend, late = 0) =>
    verify(
      { keys, keysSignature: keys_signature },
      {
        backend,
        signing: deriveSigningKey({ signingKey: toHex(owner.publicKey) }),
        nonce: { query: expected.nonce, sealed: true },
        model: expected.model,
        nowMs: (expected.not_after + late) * 1000,
      },
    );
  const because: Record<string, string> = {
    shape: "is not a bauta/keys/1 statement",
    signature: "not the attested key's signature",
    nonce: "another nonce",
    model: "another model",
    not_after: "has expired",
  };

  it.each(vectors.valid)("holds, and a second later no more: $name", (row) => {
    expect(toHex(addressOf(owner.publicKey))).toBe(vectors.address);
    for (const backend of backends) {
      expect(judge(row, backend).signed).toBe("pass");
      expect(judge(row, backend, 1).signed).toBe("fail");
    }
  });

  it.each(vectors.invalid)("does not hold ($reason): $name", (row) => {
    for (const backend of backends) {
      const result = judge(row, backend);
      expect(result.signed).toBe("fail");
      expect(result.reason("keys.signed")).toContain(because[row.reason]);
      expectNothing(result);
    }
  });
});
