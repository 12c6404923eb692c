import { addressOf, bytesOf, client, hex, jcs, model, sign } from "./primitives.mjs";

export function keysStatementVectors() {
  const full = {
    nonce: hex(bytesOf("nonce")),
    model: "e2ee-example",
    versions: ["1", "2"],
    key_origin: "boot",
    hpke_key_config: `010020${hex(bytesOf("HPKE public key"))}000400010002`,
    gpu_evidence_sha256: hex(bytesOf("GPU evidence")),
    weights: [
      { name: "model-00001-of-00002.safetensors", sha256: hex(bytesOf("weights 1")) },
      { name: "größe-2.gguf", sha256: hex(bytesOf("weights 2")) },
    ],
    engine: { name: "example engine", image_digest: hex(bytesOf("engine image")) },
    not_after: 1_763_716_400,
  };
  const plain = {
    ...full,
    model: "tee-example",
    versions: ["1"],
    key_origin: "kms",
    hpke_key_config: null,
    gpu_evidence_sha256: null,
    weights: null,
    engine: { name: "e", image_digest: null },
  };
  const tag = "bauta/keys/1\n";
  const expectation = (statement) => ({ nonce: statement.nonce, model: statement.model, not_after: statement.not_after });
  const valid = (name, statement) => ({
    name,
    statement,
    keys: jcs(statement),
    keys_signature: sign(model.secret, tag + jcs(statement)),
    expected: expectation(statement),
  });
  const row = (name, keys, signature, reason) => ({ name, keys, keys_signature: signature, expected: expectation(full), reason });
  const resigned = (name, statement, reason) => row(name, jcs(statement), sign(model.secret, tag + jcs(statement)), reason);
  const text = jcs(full);
  const rewritten = (name, keys) => row(name, keys, sign(model.secret, tag + keys), "shape");
  const signature = sign(model.secret, tag + text);
  const other = hex(bytesOf("something else"));
  const tampered = {
    nonce: other,
    model: "e2ee-other",
    versions: ["1"],
    key_origin: "kms",
    hpke_key_config: null,
    gpu_evidence_sha256: other,
    weights: full.weights.slice(1),
    engine: { ...full.engine, name: "another engine" },
    not_after: full.not_after + 1,
  };
  const malformed = {
    nonce: [full.nonce.toUpperCase(), full.nonce.slice(2), null],
    model: ["", null, "a\nb"],
    versions: [[], "1", ["1", "1"], [1], ["one"], null],
    key_origin: ["tpm", null],
    hpke_key_config: ["", "0", "AB"],
    gpu_evidence_sha256: ["", other.slice(1)],
    weights: [[{ name: "a" }], [{ name: "a", sha256: "" }], [{ name: "", sha256: other }], {}],
    engine: [null, { name: "e" }, { name: "e", image_digest: "" }, { name: "e", image_digest: null, more: 1 }],
    not_after: [String(full.not_after), -1, 1.5, null, 8_640_000_000_001],
  };
  const missing = (member) => Object.fromEntries(Object.entries(full).filter(([name]) => name !== member));
  const unsorted = JSON.stringify(Object.fromEntries(Object.entries(full).sort(([a], [b]) => (a < b ? 1 : -1))));
  return {
    about: "Keys statements (protocol.md, The keys statement): members, RFC 8785 text and signature.",
    fields: {
      secret_key: "The model key that signs; `address` is its address.",
      valid:
        "Signing `statement` gives `keys` and, over `bauta/keys/1`, a line feed and `keys`, `keys_signature`. `expected` is the nonce that REPORTDATA binds and the model of the request; the statement holds up to `not_after`, and a second later no more.",
      invalid:
        "`keys` with `keys_signature` does not hold for `expected` at `not_after`. `reason`: `shape`, `signature`, or the member that differs.",
    },
    secret_key: hex(model.secret),
    address: hex(addressOf(model.public)),
    valid: [valid("every member", full), valid("nulls, a derived key", plain)],
    invalid: [
      ...Object.entries(tampered).map(([name, value]) =>
        row(`${name} changed after signing`, jcs({ ...full, [name]: value }), signature, "signature"),
      ),
      resigned("signed for another nonce", { ...full, nonce: other }, "nonce"),
      resigned("signed for another model", { ...full, model: "e2ee-other" }, "model"),
      resigned("expired", { ...full, not_after: full.not_after - 1 }, "not_after"),
      ...Object.keys(full).map((name) => resigned(`without ${name}`, missing(name), "shape")),
      ...Object.entries(malformed).flatMap(([name, values]) =>
        values.map((value) => resigned(`${name} is ${JSON.stringify(value).slice(0, 80)}`, { ...full, [name]: value }, "shape")),
      ),
      resigned("a member more", { ...full, note: "hello" }, "shape"),
      resigned("a list", [full], "shape"),
      resigned("null", null, "shape"),
      rewritten("members in another order", unsorted),
      rewritten("a space", text.replace(",", ", ")),
      rewritten("a line feed at the end", `${text}\n`),
      rewritten("a member twice", text.replace("{", '{"engine":null,')),
      rewritten("a number in another form", text.replace("1763716400", "1763716400.0")),
      rewritten("a letter escaped", text.replace("größe", "gr\\u00f6\u00dfe")),
      rewritten("not JSON", text.slice(0, -1)),
      rewritten("empty", ""),
      row("signed by another key", text, sign(client.secret, tag + text), "signature"),
      row("signed under another tag", text, sign(model.secret, `bauta/receipt/1\n${text}`), "signature"),
      row("signed without a tag", text, sign(model.secret, text), "signature"),
      row("signature empty", text, "", "signature"),
    ],
  };
}
