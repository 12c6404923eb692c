import {
  FIELD_PRIME,
  GROUP_ORDER,
  addressOf,
  bytesOf,
  client,
  concatBytes,
  flip,
  hex,
  keyPair,
  model,
  negated,
  scalar,
  secp256k1,
  sha256,
  utf8,
} from "./primitives.mjs";

export function keyVectors() {
  const key = hex(model.public);
  const bare = key.slice(2);
  let led;
  for (let i = 0; !led; i++) {
    const pair = keyPair(`x that begins with 04, ${i}`);
    if (pair.public[1] === 4) led = hex(pair.public);
  }
  const both = (name, text, modelKey, clientKey) => ({ name, text, model_key: modelKey, client_key: clientKey });
  const address = (secret) => {
    const publicKey = secp256k1.getPublicKey(secret, false);
    return { secret_key: hex(secret), public_key: hex(publicKey), address: hex(addressOf(publicKey)) };
  };
  const point = (name, bytes, valid) => ({ name, public_key: hex(bytes), valid });
  const half = new Uint8Array(32);
  return {
    about: "Public keys as text, as points, and their addresses (protocol.md, Keys).",
    fields: {
      forms:
        "`text` read as a model key and as a client key: the 65 bytes, or null where it is refused. Length decides, not the first digits.",
      points: "65 bytes (or not) that are, or are not, an uncompressed point.",
      addresses: "`address` = last 20 bytes of keccak-256 over x ‖ y. The first is the well-known address of secret key 1.",
    },
    forms: [
      both("130 digits", key, key, key),
      both("128 digits", bare, key, null),
      both("0x and 130 digits", `0x${key}`, key, null),
      both("0x and 128 digits, which makes 130 characters", `0x${bare}`, key, null),
      both("upper case", key.toUpperCase(), key, key),
      both("130 digits, x begins with 04", led, led, led),
      both("128 digits, x begins with 04: still without prefix", led.slice(2), led, null),
      both("compressed", hex(secp256k1.getPublicKey(model.secret, true)), null, null),
      both("hybrid prefix 06", `06${bare}`, null, null),
      both("hybrid prefix 07", `07${bare}`, null, null),
      both("129 digits", key.slice(1), null, null),
      both("131 digits", `${key}0`, null, null),
      both("132 digits", `${key}00`, null, null),
      both("not hex", `${key.slice(0, -1)}g`, null, null),
      both("U+0130 for a zero", `${key.slice(0, -1)}\u0130`, null, null),
      both("a space before it", ` ${key}`, null, null),
      both("empty", "", null, null),
      both("0x alone", "0x", null, null),
    ],
    points: [
      point("on the curve", model.public, true),
      point("its negative", negated(model.public), true),
      point("the generator", secp256k1.getPublicKey(scalar(1n), false), true),
      point("one bit of y flipped", flip(model.public, 64), false),
      point("one bit of x flipped", flip(model.public, 1), false),
      point("hybrid 06", concatBytes(Uint8Array.of(6), model.public.slice(1)), false),
      point("hybrid 07", concatBytes(Uint8Array.of(7), model.public.slice(1)), false),
      point("compressed prefix on 65 bytes", concatBytes(Uint8Array.of(2), model.public.slice(1)), false),
      point("compressed, 33 bytes", secp256k1.getPublicKey(model.secret, true), false),
      point("64 bytes without prefix", model.public.slice(1), false),
      point("66 bytes", concatBytes(model.public, Uint8Array.of(0)), false),
      point("04 and zeros", concatBytes(Uint8Array.of(4), half, half), false),
      point("65 zeros", new Uint8Array(65), false),
      point("infinity, one byte", Uint8Array.of(0), false),
      point("x not below the prime", concatBytes(Uint8Array.of(4), scalar(FIELD_PRIME + 1n), model.public.slice(33)), false),
      point("empty", new Uint8Array(0), false),
    ],
    addresses: [address(scalar(1n)), address(scalar(GROUP_ORDER - 1n)), address(model.secret), address(client.secret)],
    invalid_secret_keys: [
      hex(half),
      hex(scalar(GROUP_ORDER)),
      hex(scalar(GROUP_ORDER + 1n)),
      "ff".repeat(32),
      "01".repeat(31),
      "01".repeat(33),
    ],
  };
}

export function reportDataVectors() {
  const nonce = hex(bytesOf("nonce"));
  const row = (name, query, raw, sealed) => {
    const hashed = raw === "raw" ? query.toLowerCase() : raw === "sha256" ? hex(sha256(utf8(query))) : null;
    return { name, query, tee: hashed && { method: raw, bytes: hashed }, e2ee: sealed ? { method: raw, bytes: hashed } : null };
  };
  const addresses = [model, client].map((pair) => addressOf(pair.public));
  return {
    about: "How a nonce in a query becomes 32 bytes, and the 64 bytes of REPORTDATA (protocol.md, Attestation).",
    fields: {
      nonces: "`query` is the nonce as received, percent-decoded. `tee` and `e2ee` say what such a model binds, null where it refuses.",
      report_data: "`report_data` = `address` ‖ 12 zero bytes ‖ `nonce`.",
      tls: "With `include_tls_fingerprint=true`: `report_data` = SHA-256(`address` ‖ `spki_sha256`) ‖ `nonce`.",
    },
    nonces: [
      row("64 hex digits", nonce, "raw", true),
      row("64 hex digits, upper case", nonce.toUpperCase(), "raw", true),
      row("16 bytes as hex", nonce.slice(0, 32), "sha256", false),
      row("63 digits", nonce.slice(1), "sha256", false),
      row("66 digits", `${nonce}00`, "sha256", false),
      row("64 characters that are not hex", `${nonce.slice(1)}z`, "sha256", false),
      row("text", "hello-world_~!", "sha256", false),
      row("256 characters", "n".repeat(256), "sha256", false),
      row("257 characters", "n".repeat(257), null, false),
      row("empty", "", null, false),
      row("a space", "two words", null, false),
      row("not ASCII", "größe", null, false),
      row("64 characters, one of them U+0130", `${nonce.slice(1)}\u0130`, null, false),
      row("a control character", "a\u0000b", null, false),
    ],
    report_data: addresses.map((address) => ({ address: hex(address), nonce, report_data: hex(address) + "00".repeat(12) + nonce })),
    tls: addresses.map((address) => {
      const spki = bytesOf("SPKI of a TLS certificate");
      return { address: hex(address), spki_sha256: hex(spki), nonce, report_data: hex(sha256(concatBytes(address, spki))) + nonce };
    }),
  };
}
