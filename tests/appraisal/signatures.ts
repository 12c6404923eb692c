/** The order of P-256. */
const N = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

type Rewrite = (signature: Buffer) => Buffer;

function scalar(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex");
}

function read(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex") || "0"}`);
}

/** Rewrites r and s of a signature of 64 bytes. */
function rewriteRaw(change: (r: bigint, s: bigint) => readonly [bigint, bigint]): Rewrite {
  return (signature) => Buffer.concat(change(read(signature.subarray(0, 32)), read(signature.subarray(32))).map(scalar));
}

/** Signatures of 64 bytes, r ‖ s, that nobody may accept. */
export const FALSE_RAW_SIGNATURES: Readonly<Record<string, Rewrite>> = {
  "r of zero": rewriteRaw((_r, s) => [0n, s]),
  "s of zero": rewriteRaw((r) => [r, 0n]),
  "r and s of zero": rewriteRaw(() => [0n, 0n]),
  "r of the group's order": rewriteRaw((_r, s) => [N, s]),
  "s of the group's order": rewriteRaw((r) => [r, N]),
  "r and s of all ones": rewriteRaw(() => [(1n << 256n) - 1n, (1n << 256n) - 1n]),
  "r and s swapped": rewriteRaw((r, s) => [s, r]),
  "a last bit that is flipped": (signature) => Buffer.concat([signature.subarray(0, 63), Buffer.of((signature[63] ?? 0) ^ 1)]),
};

/** The other s of the same signature: as valid as the first, since P-256 knows no low-s rule. */
export const otherS: Rewrite = rewriteRaw((r, s) => [r, N - s]);

function der(tag: number, body: Buffer, length = Buffer.of(body.length)): Buffer {
  return Buffer.concat([Buffer.of(tag), length, body]);
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return der(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

/** r and s of an ECDSA-Sig-Value in DER. */
function readDer(signature: Buffer): { readonly r: bigint; readonly s: bigint } {
  const rEnd = 4 + (signature[3] ?? 0);
  return { r: read(signature.subarray(4, rEnd)), s: read(signature.subarray(rEnd + 2)) };
}

function rewriteDer(write: (r: bigint, s: bigint) => Buffer): Rewrite {
  return (signature) => {
    const { r, s } = readDer(signature);
    return write(r, s);
  };
}

const plain = (r: bigint, s: bigint): Buffer => der(0x30, Buffer.concat([integer(r), integer(s)]));
const padded = (value: bigint): Buffer => der(0x02, Buffer.concat([Buffer.of(0, 0), scalar(value)]));

/** Signatures in DER that a strict reader refuses, or that do not verify. */
export const FALSE_DER_SIGNATURES: Readonly<Record<string, Rewrite>> = {
  "r of zero": rewriteDer((_r, s) => plain(0n, s)),
  "s of zero": rewriteDer((r) => plain(r, 0n)),
  "r beyond the group's order": rewriteDer((r, s) => plain(r + N, s)),
  "s of the group's order": rewriteDer((r) => plain(r, N)),
  "an integer with padding": rewriteDer((r, s) => der(0x30, Buffer.concat([padded(r), integer(s)]))),
  "a negative integer": rewriteDer((_r, s) => der(0x30, Buffer.concat([der(0x02, Buffer.alloc(32, 0xff)), integer(s)]))),
  "a length in its long form": rewriteDer((r, s) => {
    const body = Buffer.concat([integer(r), integer(s)]);
    return der(0x30, body, Buffer.of(0x81, body.length));
  }),
  "an indefinite length": rewriteDer((r, s) => Buffer.concat([Buffer.of(0x30, 0x80), integer(r), integer(s), Buffer.of(0, 0)])),
  "a third integer": rewriteDer((r, s) => der(0x30, Buffer.concat([integer(r), integer(s), integer(1n)]))),
  "bytes behind it": rewriteDer((r, s) => Buffer.concat([plain(r, s), Buffer.of(0)])),
  "its second half cut off": (signature) => signature.subarray(0, 36),
  "no contents": () => der(0x30, Buffer.alloc(0)),
  "no bytes at all": () => Buffer.alloc(0),
};

/** {@link otherS} for a signature in DER. */
export const otherDerS: Rewrite = rewriteDer((r, s) => plain(r, N - s));
