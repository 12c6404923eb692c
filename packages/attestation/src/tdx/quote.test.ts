import { LIMITS } from "@bauta/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_QUOTE_BYTES, parseQuote, type Quote, QuoteError } from "./quote.ts";

const VENDOR = "939a7233f79c4ca9940a0db3957f0607";

interface Layout {
  readonly version: 4 | 5;
  readonly bodyType: 2 | 3 | 4;
  readonly bodyBytes: number;
  readonly outerType: number;
  readonly innerType: number;
  readonly authenticationBytes: number;
  readonly chain: string;
  readonly tail: Uint8Array;
}

const v4: Layout = {
  version: 4,
  bodyType: 2,
  bodyBytes: 584,
  outerType: 6,
  innerType: 5,
  authenticationBytes: 32,
  chain: "chain",
  tail: new Uint8Array(),
};

/** A quote of the right shape whose every byte says where it stands. */
function layOut(changes: Partial<Layout> = {}): Buffer {
  const quote = { ...v4, ...changes };
  const u16 = (value: number) => Buffer.from(Uint16Array.of(value).buffer);
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
  const certification = Buffer.concat([
    Buffer.alloc(384, 3),
    Buffer.alloc(64, 4),
    u16(quote.authenticationBytes),
    Buffer.alloc(quote.authenticationBytes, 5),
    u16(quote.innerType),
    u32(quote.chain.length),
    Buffer.from(quote.chain),
  ]);
  const signatureData = Buffer.concat([
    Buffer.alloc(64, 1),
    Buffer.alloc(64, 2),
    u16(quote.outerType),
    u32(certification.length),
    certification,
  ]);
  return Buffer.concat([
    u16(quote.version),
    u16(2),
    u32(0x81),
    Buffer.alloc(4),
    Buffer.from(VENDOR, "hex"),
    Buffer.alloc(20),
    ...(quote.version === 5 ? [u16(quote.bodyType), u32(quote.bodyBytes)] : []),
    Buffer.alloc(quote.bodyBytes, 9),
    u32(signatureData.length),
    signatureData,
    quote.tail,
  ]);
}

describe("parseQuote", () => {
  it("reads version 4, and version 5 with TD 1.0, TD 1.5 and extended reports", () => {
    const four = parseQuote(layOut());
    expect(four).toMatchObject({ version: 4 });
    expect(four.signedBytes).toHaveLength(48 + 584);
    expect(four.signature).toEqual(new Uint8Array(64).fill(1));
    expect(four.attestationKey).toEqual(new Uint8Array(64).fill(2));
    expect(four.qeReport).toEqual(new Uint8Array(384).fill(3));
    expect(four.qeReportSignature).toEqual(new Uint8Array(64).fill(4));
    expect(four.qeAuthenticationData).toEqual(new Uint8Array(32).fill(5));
    expect(Buffer.from(four.pckChain).toString()).toBe("chain");
    expect(parseQuote(layOut({ version: 5 })).signedBytes).toHaveLength(54 + 584);
    const td15 = parseQuote(layOut({ version: 5, bodyType: 3, bodyBytes: 648 }));
    expect(td15.signedBytes).toHaveLength(54 + 648);
    expect(td15.report.mrServiceTd).toHaveLength(48);
    expect(td15.report.extension).toBeUndefined();
    const extended = parseQuote(layOut({ version: 5, bodyType: 4, bodyBytes: 885 }));
    expect(extended.signedBytes).toHaveLength(54 + 885);
    expect(extended.report.extension).toHaveLength(885 - 648);
  });

  it("reads as many bytes as the rest of the project takes for a quote", () => {
    expect(MAX_QUOTE_BYTES).toBe(LIMITS.quoteBytes);
  });

  it("takes zeros behind the quote and nothing else", () => {
    expect(parseQuote(layOut({ tail: new Uint8Array(3000) })).version).toBe(4);
    expect(() => parseQuote(layOut({ tail: Uint8Array.of(0, 0, 1) }))).toThrow("not zero");
  });

  for (const [what, quote, message] of [
    ["version 3", overwrite(0, 3), "version 3"],
    ["attestation key type 3", overwrite(2, 3), "attestation key type is 3, not 2"],
    ["TEE type 0, SGX", overwrite(4, 0), "TEE type (0: SGX) is 0, not 129"],
    ["another vendor", overwrite(12, 0), "QE vendor is 00"],
    ["certification data type 5 outside", layOut({ outerType: 5 }), "certification data type is 5, not 6"],
    ["certification data type 3 inside", layOut({ innerType: 3 }), "certificate type (5: PCK chain) is 3, not 5"],
    ["a body of the wrong size for its type", layOut({ version: 5, bodyType: 2, bodyBytes: 648 }), "size of body type 2 is 648, not 584"],
    ["an unknown body type", layOut({ version: 5, bodyType: 5 as 4 }), "body type 5"],
    ["an extended body of the wrong size", layOut({ version: 5, bodyType: 4, bodyBytes: 648 }), "size of body type 4 is 648, not 885"],
    ["an SGX body in a quote of a TD", layOut({ version: 5, bodyType: 1 as 2, bodyBytes: 384 }), "body type 1 is not one of a TD"],
    ["more bytes than are read", new Uint8Array(LIMITS.quoteBytes + 1), "more than"],
    ["nothing", new Uint8Array(), "at byte 0 48 bytes belong, and 0 are left"],
    ["a PNG image", Buffer.from("89504e470d0a1a0a".padEnd(200, "0"), "hex"), "version 20617 is neither 4 nor 5: this is no TDX quote"],
    ["the hex of a quote", Buffer.from(layOut().toString("hex")), "has to be decoded first"],
    ["an SGX quote of version 3", Buffer.from("0300020000000000".padEnd(900, "0"), "hex"), "version 3 is neither 4 nor 5"],
    ["an SEV-SNP report", Buffer.concat([Buffer.of(2, 0, 0, 0), Buffer.alloc(1180)]), "version 2 is neither 4 nor 5"],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => parseQuote(quote)).toThrow(QuoteError);
      expect(() => parseQuote(quote)).toThrow(message);
    });
  }

  it("refuses a quote cut at any byte", () => {
    const quote = layOut();
    for (let length = 0; length < quote.length; length++) expect(() => parseQuote(quote.subarray(0, length))).toThrow(QuoteError);
  });

  it("refuses lengths that are off by one, or enormous, wherever a length stands", () => {
    const quote = layOut();
    for (const [offset, size] of [
      [632, 4],
      [766, 4],
      [1218, 2],
      [1254, 4],
    ] as const) {
      for (const change of [1, -1, 0x7fff]) {
        const changed = Buffer.from(quote);
        if (size === 2) changed.writeUInt16LE((changed.readUInt16LE(offset) + change) & 0xffff, offset);
        else changed.writeUInt32LE((changed.readUInt32LE(offset) + change) >>> 0, offset);
        expect(() => parseQuote(changed)).toThrow(QuoteError);
      }
    }
  });

  it("shares no memory with its input, a Buffer's neither", () => {
    const bytes = layOut();
    const quote: Quote = parseQuote(bytes);
    bytes.fill(0);
    expect(quote.signature[0]).toBe(1);
  });

  it("throws nothing but QuoteError", () => {
    const quote = layOut();
    const damaged = fc.array(fc.tuple(fc.nat(quote.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
      const changed = Buffer.from(quote);
      for (const [offset, value] of changes) changed[offset] = value;
      return new Uint8Array(changed);
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 2000 }), damaged), (bytes) => {
        try {
          parseQuote(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(QuoteError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function overwrite(offset: number, value: number): Buffer {
  const quote = layOut();
  quote[offset] = value;
  return quote;
}
