import {
  GROUP_ORDER,
  addressOf,
  bytesOf,
  client,
  concatBytes,
  eip191,
  flip,
  hex,
  hexToBytes,
  jcs,
  model,
  receiptComment,
  scalar,
  secp256k1,
  sign,
} from "./primitives.mjs";

export function signedTextVectors() {
  const row = (name, secret, text) => ({
    name,
    secret_key: hex(secret),
    address: hex(addressOf(secp256k1.getPublicKey(secret, false))),
    text,
    digest: hex(eip191(text)),
    signature: sign(secret, text),
  });
  const text = `${hex(bytesOf("request"))}:${hex(bytesOf("response"))}`;
  const good = row("the documented receipt", model.secret, text);
  const raw = hexToBytes(good.signature.slice(2));
  const high = concatBytes(
    raw.slice(0, 32),
    scalar(GROUP_ORDER - BigInt(`0x${hex(raw.slice(32, 64))}`)),
    Uint8Array.of(raw[64] === 27 ? 28 : 27),
  );
  const bad = (name, changes) => ({ name, address: good.address, text, signature: good.signature, ...changes });
  const withV = (v) => `0x${hex(concatBytes(raw.slice(0, 64), Uint8Array.of(v)))}`;
  const members = '{"a":1}';
  return {
    about: "EIP-191 texts signed by a model key (protocol.md, Signed texts): 0x ‖ r ‖ s ‖ v in hex, RFC 6979, low s, v 27 or 28.",
    fields: {
      valid:
        "Signing `text` with `secret_key` gives exactly `signature`; it verifies for `address`. `digest` is what ECDSA signs. The first is the example of the web3.js documentation.",
      invalid: "`signature` over `text` does not verify for `address`.",
    },
    valid: [
      row("web3.js", hexToBytes("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"), "Some data"),
      good,
      row("empty", model.secret, ""),
      row("multibyte: the length is in bytes", model.secret, "Grüße 🎭"),
      row("a statement", model.secret, `bauta/receipt/1\n${members}`),
      ...Array.from({ length: 8 }, (_, i) => row(`text ${i}`, bytesOf(`signer ${i}`), `text ${i}`)),
    ],
    invalid: [
      bad("s in the upper half, v to match", { signature: `0x${hex(high)}` }),
      bad("the other v", { signature: withV(raw[64] === 27 ? 28 : 27) }),
      bad("v is 0 or 1", { signature: withV(raw[64] - 27) }),
      bad("v is 29", { signature: withV(29) }),
      bad("v of EIP-155", { signature: withV(37) }),
      bad("without 0x", { signature: good.signature.slice(2) }),
      bad("without v", { signature: good.signature.slice(0, -2) }),
      bad("a byte more", { signature: `${good.signature}00` }),
      bad("not hex", { signature: `${good.signature.slice(0, -1)}z` }),
      bad("empty", { signature: "" }),
      bad("r is zero", { signature: `0x${hex(concatBytes(new Uint8Array(32), raw.slice(32)))}` }),
      bad("s is zero", { signature: `0x${hex(concatBytes(raw.slice(0, 32), new Uint8Array(32), raw.slice(64)))}` }),
      bad("r is the group's order", { signature: `0x${hex(concatBytes(scalar(GROUP_ORDER), raw.slice(32)))}` }),
      bad("one bit of r", { signature: `0x${hex(flip(raw, 31))}` }),
      bad("one bit of s", { signature: `0x${hex(flip(raw, 63))}` }),
      bad("another text", { text: `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}` }),
      bad("another key's address", { address: hex(addressOf(client.public)) }),
      bad("another key's signature", { signature: sign(client.secret, text) }),
      bad("a statement of one kind shown as another", {
        text: `bauta/keys/1\n${members}`,
        signature: sign(model.secret, `bauta/receipt/1\n${members}`),
      }),
      bad("a receipt's JSON signed without its tag", { text: `bauta/receipt/1\n${members}`, signature: sign(model.secret, members) }),
    ],
  };
}

export function receiptVectors() {
  const full = {
    request_id: "chatcmpl-vector1",
    model: "e2ee-example",
    client_nonce: hex(bytesOf("client nonce")),
    request_sha256: hex(bytesOf("request")),
    response_sha256: hex(bytesOf("response")),
    envelopes_sha256: hex(bytesOf("envelopes")),
    finish_reason: "stop",
    usage: { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 },
    weights: [
      { name: "model-00001-of-00002.safetensors", sha256: hex(bytesOf("weights 1")) },
      { name: "größe-2.gguf", sha256: hex(bytesOf("weights 2")) },
    ],
    engine: { name: "example engine", image_digest: hex(bytesOf("engine image")) },
    created: 1_763_630_000,
  };
  const plain = {
    ...full,
    model: "tee-example",
    client_nonce: null,
    envelopes_sha256: null,
    finish_reason: "length",
    weights: null,
    engine: { name: "e", image_digest: null },
  };
  const expectation = (receipt) => ({
    request_id: receipt.request_id,
    model: receipt.model,
    client_nonce: receipt.client_nonce,
    request_sha256: receipt.request_sha256,
    response_sha256: receipt.response_sha256,
    envelopes_sha256: receipt.envelopes_sha256,
  });
  const valid = (name, receipt) => {
    const text = `${receipt.request_sha256}:${receipt.response_sha256}`;
    const statement = `bauta/receipt/1\n${jcs(receipt)}`;
    return {
      name,
      receipt,
      jcs: jcs(receipt),
      receipt_signature: sign(model.secret, statement),
      text,
      signature: sign(model.secret, text),
      sse_comment: `: ${receiptComment(receipt)}\n\n`,
      expected: expectation(receipt),
    };
  };
  const signature = sign(model.secret, `bauta/receipt/1\n${jcs(full)}`);
  const other = hex(bytesOf("something else"));
  const shape = "shape";
  const resigned = (name, receipt, reason) => ({
    name,
    receipt,
    receipt_signature: sign(model.secret, `bauta/receipt/1\n${jcs(receipt)}`),
    expected: expectation(full),
    reason,
  });
  const changes = {
    request_id: "chatcmpl-other",
    model: "e2ee-other",
    client_nonce: other,
    request_sha256: other,
    response_sha256: other,
    envelopes_sha256: other,
  };
  const tampered = {
    ...changes,
    finish_reason: "length",
    usage: { ...full.usage, total_tokens: 18 },
    weights: full.weights.slice(1),
    engine: { ...full.engine, name: "another engine" },
    created: 1,
  };
  const missing = (member) => Object.fromEntries(Object.entries(full).filter(([name]) => name !== member));
  return {
    about: "Receipts (protocol.md, Receipts): members, RFC 8785 text, both signatures and the SSE comment.",
    fields: {
      secret_key: "The model key that signs; `address` is its address.",
      valid:
        "Signing `receipt` gives `receipt_signature` (over `bauta/receipt/1`, a line feed and `jcs`) and `signature` (over `text`). `expected` is what a client must have seen itself for the receipt to hold.",
      invalid:
        "`receipt` with `receipt_signature` does not hold for `expected`. `reason`: `shape`, `signature`, or the member that differs.",
    },
    secret_key: hex(model.secret),
    address: hex(addressOf(model.public)),
    valid: [valid("every member", full), valid("nulls: an answer that was not sealed", plain)],
    invalid: [
      ...Object.entries(tampered).map(([name, value]) => ({
        name: `${name} changed after signing`,
        receipt: { ...full, [name]: value },
        receipt_signature: signature,
        expected: expectation({ ...full, [name]: value }),
        reason: "signature",
      })),
      ...Object.entries(changes).map(([name, value]) => resigned(`signed for another ${name}`, { ...full, [name]: value }, name)),
      resigned("client_nonce null although one was sent", { ...full, client_nonce: null }, "client_nonce"),
      resigned("envelopes_sha256 null although the answer was sealed", { ...full, envelopes_sha256: null }, "envelopes_sha256"),
      ...Object.keys(full).map((name) => resigned(`without ${name}`, missing(name), shape)),
      resigned("a member more", { ...full, note: "hello" }, shape),
      resigned("a member more in usage", { ...full, usage: { ...full.usage, cached_tokens: 1 } }, shape),
      resigned("digest in upper case", { ...full, request_sha256: full.request_sha256.toUpperCase() }, shape),
      resigned("a finish reason that is none", { ...full, finish_reason: "because" }, shape),
      resigned("created as text", { ...full, created: "1763630000" }, shape),
      resigned("negative tokens", { ...full, usage: { ...full.usage, prompt_tokens: -1 } }, shape),
      resigned("a list", [full], shape),
      resigned("null", null, shape),
      {
        name: "signed by another key",
        receipt: full,
        receipt_signature: sign(client.secret, `bauta/receipt/1\n${jcs(full)}`),
        expected: expectation(full),
        reason: "signature",
      },
      {
        name: "signed under another tag",
        receipt: full,
        receipt_signature: sign(model.secret, `bauta/keys/1\n${jcs(full)}`),
        expected: expectation(full),
        reason: "signature",
      },
      {
        name: "signed without a tag",
        receipt: full,
        receipt_signature: sign(model.secret, jcs(full)),
        expected: expectation(full),
        reason: "signature",
      },
    ],
  };
}
