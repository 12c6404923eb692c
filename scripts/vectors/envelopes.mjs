import {
  FIELD_PRIME,
  aesKey,
  bytesOf,
  client,
  concatBytes,
  flip,
  hex,
  keyPair,
  model,
  negated,
  scalar,
  seal,
  sharedX,
  stranger,
  u32be,
  utf8,
} from "./primitives.mjs";

/** A sender whose shared x with the model key begins with a zero byte: implementations that drop it derive another key. */
function senderWithZeroLedX() {
  for (let i = 0; ; i++) {
    const sender = keyPair(`zero-led x ${i}`);
    if (sharedX(sender.secret, model.public)[0] === 0) return sender;
  }
}

export function envelopeVectors() {
  const plaintexts = [
    ["empty: the smallest envelope, 93 bytes", ""],
    ["one letter", "a"],
    ["a token of an answer", " end-to-end"],
    ["multibyte: two, three and four bytes a character", "Grüße, 世界 🎭"],
    ["a NUL, line breaks and a quote", 'a\u0000b\r\n"c"'],
    ["a byte order mark, which is kept", "\ufeffmark"],
    ["1,024 bytes", "0123456789abcdef".repeat(64)],
  ];
  const sealed = plaintexts.map(([name, text]) => ({ name, sender: client, text }));
  sealed.push({ name: "the shared x begins with a zero byte", sender: senderWithZeroLedX(), text: "zero" });
  const seals = sealed.map(({ name, sender, text }) => {
    const nonce = bytesOf(`nonce of ${name}`, 12);
    const x = sharedX(sender.secret, model.public);
    return {
      name,
      sender_secret_key: hex(sender.secret),
      sender_public_key: hex(sender.public),
      recipient_secret_key: hex(model.secret),
      recipient_public_key: hex(model.public),
      shared_x: hex(x),
      aes_key: hex(aesKey(x)),
      nonce: hex(nonce),
      plaintext: text,
      envelope: hex(seal(sender, model.public, nonce, utf8(text))),
    };
  });

  const prefix = bytesOf("nonce prefix", 8);
  const texts = ["one", " key", " agreement", "", " 🎭"];
  const good = seal(client, model.public, bytesOf("nonce of the invalid ones", 12), utf8("attack at dawn"));
  const withSender = (sender) => hex(concatBytes(sender, good.slice(65)));
  const text = hex(good);
  const x = client.public.slice(1, 33);
  const y = client.public.slice(33);
  const odd = (y[31] & 1) === 1;
  const invalid = [
    ["empty string", "field_not_hex", ""],
    ["plaintext", "field_not_hex", "attack at dawn"],
    ["185 digits: odd, and under the smallest envelope", "field_not_hex", text.slice(0, 185)],
    ["184 digits: a byte short of the smallest envelope", "field_not_hex", text.slice(0, 184)],
    ["odd number of digits", "field_not_hex", text.slice(0, -1)],
    ["0x before it", "field_not_hex", `0x${text}`],
    ["a space at the end", "field_not_hex", `${text.slice(0, -1)} `],
    ["a g among the digits", "field_not_hex", `${text.slice(0, 200)}g${text.slice(201)}`],
    ["U+0130, whose low byte is a zero digit", "field_not_hex", `${text.slice(0, -1)}\u0130`],
    ["a full-width digit", "field_not_hex", `${text.slice(0, -1)}\uff11`],
    ["base64", "field_not_hex", Buffer.from(good).toString("base64")],
    ["sender not on the curve: y is one bit off", "field_not_opened", withSender(flip(client.public, 64))],
    [
      "sender not on the curve: x = y = 0, as some write infinity",
      "field_not_opened",
      withSender(concatBytes(Uint8Array.of(4), new Uint8Array(64))),
    ],
    ["sender is the SEC 1 encoding of infinity, padded", "field_not_opened", withSender(new Uint8Array(65))],
    ["sender's x is not below the field's prime", "field_not_opened", withSender(concatBytes(Uint8Array.of(4), scalar(FIELD_PRIME), y))],
    ["hybrid prefix that fits the parity of y", "field_not_opened", withSender(concatBytes(Uint8Array.of(odd ? 7 : 6), x, y))],
    ["hybrid prefix that does not fit the parity of y", "field_not_opened", withSender(concatBytes(Uint8Array.of(odd ? 6 : 7), x, y))],
    ["compressed prefix before 64 bytes", "field_not_opened", withSender(concatBytes(Uint8Array.of(odd ? 3 : 2), x, y))],
    [
      "compressed sender, the envelope 32 bytes shorter",
      "field_not_opened",
      hex(concatBytes(Uint8Array.of(odd ? 3 : 2), x, good.slice(65), bytesOf("padding", 20))),
    ],
    ["sender is another key", "field_not_opened", withSender(stranger.public)],
    ["one bit of the nonce flipped", "field_not_opened", hex(flip(good, 65))],
    ["one bit of the ciphertext flipped", "field_not_opened", hex(flip(good, 77))],
    ["first bit of the tag flipped", "field_not_opened", hex(flip(good, good.length - 16))],
    ["last bit of the tag flipped", "field_not_opened", hex(flip(good, good.length - 1))],
    ["last byte missing", "field_not_opened", text.slice(0, -2)],
    ["one byte more", "field_not_opened", `${text}00`],
    ["sealed to another key", "field_not_opened", hex(seal(client, stranger.public, bytesOf("n", 12), utf8("not for the model")))],
    [
      "opens to bytes that are not UTF-8",
      "field_not_opened",
      hex(seal(client, model.public, bytesOf("n2", 12), Uint8Array.of(0xc3, 0x28))),
    ],
  ];
  return {
    about: "Message envelopes (protocol.md, Envelope): sender key (65) ‖ nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16), as hex.",
    fields: {
      seal: "Sealing `plaintext` (UTF-8) from sender to recipient under `nonce` gives `envelope`, and opening it with `recipient_secret_key` gives `plaintext`. `shared_x` is the ECDH x-coordinate, `aes_key` what HKDF makes of it.",
      sequence: "Several texts under one key agreement: nonce = `nonce_prefix` ‖ u32be counter from 0.",
      open: "Unusual, and accepted.",
      invalid: "`envelope` as the content of a message to `recipient_secret_key` is refused with the error code `outcome`.",
    },
    seal: seals,
    sequence: {
      sender_secret_key: hex(client.secret),
      recipient_public_key: hex(model.public),
      recipient_secret_key: hex(model.secret),
      nonce_prefix: hex(prefix),
      plaintexts: texts,
      envelopes: texts.map((one, i) => hex(seal(client, model.public, concatBytes(prefix, u32be(i)), utf8(one)))),
    },
    open: [
      { name: "upper-case hex", recipient_secret_key: hex(model.secret), envelope: text.toUpperCase(), plaintext: "attack at dawn" },
      {
        name: "the sender's key negated: a point and its negative share x, so the key is the same. Who compares sender keys must compare x",
        recipient_secret_key: hex(model.secret),
        envelope: withSender(negated(client.public)),
        plaintext: "attack at dawn",
      },
    ],
    invalid: invalid.map(([name, outcome, envelope]) => ({ name, recipient_secret_key: hex(model.secret), envelope, outcome })),
  };
}
