import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyBackend, backends, bytes } from "../../../tests/support/backends.ts";
import { type KeysStatement, parseKeysStatement, signKeysStatement } from "./keys-statement.ts";
import { addressOf } from "./public-key.ts";
import { canonicalJson, statementText, verifyTextSignature } from "./signed-text.ts";

interface Row {
  readonly name: string;
  readonly keys: string;
  readonly keys_signature: string;
}
const vectors = JSON.parse(readFileSync(new URL("../../../spec/vectors/keys-statement.json", import.meta.url), "utf8")) as {
  secret_key: string;
  address: string;
  valid: (Row & { statement: KeysStatement })[];
  invalid: (Row & { reason: string })[];
};
const full = vectors.valid[0]?.statement as KeysStatement;
const reasonOf = (text: string) => {
  const parsed = parseKeysStatement(text);
  return parsed.ok ? undefined : parsed.reason;
};

describe.each(backends.map((backend) => [backend.name, backend] as const))("keys-statement.json on %s", (_name, backend) => {
  const address = bytes(vectors.address);
  it.each(vectors.valid)("signs and reads: $name", ({ statement, keys, keys_signature }) => {
    expect(signKeysStatement(backend, bytes(vectors.secret_key), statement)).toEqual({ keys, signature: keys_signature });
    expect(parseKeysStatement(keys)).toEqual({ ok: true, statement });
    expect(verifyTextSignature(backend, address, `bauta/keys/1\n${keys}`, keys_signature)).toBe(true);
  });

  it.each(vectors.invalid.filter(({ reason }) => reason === "signature"))("is not signed: $name", ({ keys, keys_signature }) => {
    const parsed = parseKeysStatement(keys);
    expect(parsed.ok).toBe(true);
    expect(verifyTextSignature(backend, address, `bauta/keys/1\n${keys}`, keys_signature)).toBe(false);
  });
});

describe("parseKeysStatement", () => {
  it.each(vectors.invalid.filter(({ reason }) => reason === "shape"))("refuses: $name", ({ keys }) => {
    expect(parseKeysStatement(keys)).toMatchObject({ ok: false });
  });

  it("says what is wrong, in its own words only", () => {
    const { nonce: _, ...withoutNonce } = full;
    expect(reasonOf(canonicalJson(withoutNonce))).toBe("lacks nonce");
    expect(reasonOf(canonicalJson({ ...full, not_after: -1 }))).toBe("has no valid not_after");
    expect(reasonOf(canonicalJson({ ...full, "<script>": 1 }))).toBe("has members that it must not have");
    expect(reasonOf(JSON.stringify(full))).toBe("is not written as RFC 8785 has it");
    expect(reasonOf("[]")).toBe("is not a JSON object");
    expect(reasonOf("{")).toBe("is not JSON");
    expect(reasonOf(" ".repeat(65_537))).toBe("has 65537 characters, more than 65536");
  });

  it("takes no inherited or hidden member for one of its own", () => {
    const text = canonicalJson(full);
    expect(reasonOf(text.replace("{", '{"__proto__":{},'))).toBe("has members that it must not have");
    expect(reasonOf(`{"__proto__":${text}}`)).toBe("lacks nonce");
    expect(reasonOf(text.replace('"model"', '"toString"'))).toBe("lacks model");
  });

  it("takes no name that would not show as what it is", () => {
    const named = (name: string) => reasonOf(canonicalJson({ ...full, weights: [{ name, sha256: full.nonce }] }));
    for (const name of ["模型.gguf", "a b", "🙂", "x".repeat(1024)]) expect(named(name), name).toBeUndefined();
    for (const name of ["a\u001b[2K", "a\u202eb", "\ud800", "a\u2028", "a\u200b", "x".repeat(1025)])
      expect(named(name), JSON.stringify(name)).toBe("has no valid weights");
  });

  it("keeps its limits", () => {
    const file = { name: "a", sha256: full.nonce };
    expect(reasonOf(canonicalJson({ ...full, weights: Array.from({ length: 256 }, () => file) }))).toBeUndefined();
    expect(reasonOf(canonicalJson({ ...full, weights: Array.from({ length: 257 }, () => file) }))).toBe("has no valid weights");
    expect(reasonOf(canonicalJson({ ...full, hpke_key_config: "00".repeat(4096) }))).toBeUndefined();
    expect(reasonOf(canonicalJson({ ...full, hpke_key_config: "00".repeat(4097) }))).toBe("has no valid hpke_key_config");
    expect(reasonOf(canonicalJson({ ...full, versions: Array.from({ length: 17 }, (_, i) => String(i + 1)) }))).toBe(
      "has no valid versions",
    );
    expect(reasonOf(canonicalJson({ ...full, not_after: 8.64e12 }))).toBeUndefined();
    expect(reasonOf(canonicalJson({ ...full, not_after: 8.64e12 + 1 }))).toBe("has no valid not_after");
    // JSON.parse takes such nesting; whoever writes it out again by recursion would run out of stack.
    expect(reasonOf(`${"[".repeat(30_000)}${"]".repeat(30_000)}`)).toBe("is not a JSON object");
    const nested = `{"a":${"[".repeat(30_000)}${"]".repeat(30_000)}}`;
    expect(reasonOf(canonicalJson(full).replace('"boot"', nested))).toBe("has no valid key_origin");
  });

  it("reads back whatever was written, and never throws", () => {
    const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
    const name = fc.stringMatching(/^[a-zA-Z0-9 äöü中._/-]{1,40}$/);
    const statement: fc.Arbitrary<KeysStatement> = fc.record({
      nonce: sha256,
      model: name,
      versions: fc.uniqueArray(fc.integer({ min: 1, max: 9999 }).map(String), { minLength: 1, maxLength: 4 }),
      key_origin: fc.constantFrom("boot" as const, "kms" as const),
      hpke_key_config: fc.option(fc.stringMatching(/^([0-9a-f]{2}){1,60}$/)),
      gpu_evidence_sha256: fc.option(sha256),
      weights: fc.option(fc.array(fc.record({ name, sha256 }), { maxLength: 5 })),
      engine: fc.record({ name, image_digest: fc.option(sha256) }),
      not_after: fc.integer({ min: 0, max: 8.64e12 }),
    });
    fc.assert(
      fc.property(statement, (one) => {
        expect(parseKeysStatement(canonicalJson(one))).toEqual({ ok: true, statement: one });
      }),
    );
    const text = canonicalJson(full);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ unit: "binary", maxLength: 3 }), fc.nat(3), (at, put, cut) => {
        const changed = text.slice(0, at) + put + text.slice(at + cut);
        const parsed = parseKeysStatement(changed);
        // Whatever is read is exactly what stood there.
        if (parsed.ok) expect(canonicalJson(parsed.statement)).toBe(changed);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (any) => {
        expect(parseKeysStatement(any).ok).toBe(false);
      }),
    );
  });
});

describe("signKeysStatement", () => {
  it("signs nothing that no verifier would take", () => {
    const { secretKey } = anyBackend.createKeyPair();
    expect(() => signKeysStatement(anyBackend, secretKey, { ...full, versions: [] })).toThrow(
      new TypeError("bauta/keys/1: the statement has no valid versions"),
    );
    expect(() => signKeysStatement(anyBackend, secretKey, { ...full, more: 1 } as KeysStatement)).toThrow("must not have");
  });

  it("signs under its own tag", () => {
    const { secretKey, publicKey } = anyBackend.createKeyPair();
    const { signature } = signKeysStatement(anyBackend, secretKey, full);
    const verify = (tag: "bauta/keys/1" | "bauta/receipt/1") =>
      verifyTextSignature(anyBackend, addressOf(publicKey), statementText(tag, full), signature);
    expect(verify("bauta/keys/1")).toBe(true);
    expect(verify("bauta/receipt/1")).toBe(false);
  });
});
