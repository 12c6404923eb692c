import { describe, expect, it } from "vitest";
import { noVectors, readVector } from "../../../tests/support/vectors.ts";
import { CommandError } from "./exit.ts";
import { readQuoteInput } from "./quote-input.ts";

/** As much of a quote as is looked at: version, key type, TEE type. */
function quoteLike(version: number, teeType: number, length = 700): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt16LE(version, 0);
  bytes.writeUInt16LE(2, 2);
  bytes.writeUInt32LE(teeType, 4);
  return bytes;
}

const tdx = quoteLike(4, 0x81);
const hex = tdx.toString("hex");

describe("readQuoteInput", () => {
  const forms: [string, Buffer | string][] = [
    ["raw bytes", tdx],
    ["raw bytes of version 5", quoteLike(5, 0x81)],
    ["hex", hex],
    ["hex in capitals with 0x and a line end", `0X${hex.toUpperCase()}\n`],
    ["hex behind a byte order mark", `\ufeff${hex}\r\n`],
    ["hex in lines of 64", hex.replaceAll(/.{64}/g, "$&\r\n")],
    ["base64", tdx.toString("base64")],
    ["base64 in lines of 76", tdx.toString("base64").replaceAll(/.{76}/g, "$&\n")],
    ["base64url without padding", tdx.toString("base64url")],
  ];
  it.each(forms)("reads %s", (_name, input) => {
    const quote = Buffer.from(readQuoteInput(Buffer.from(input), "q.bin"));
    expect(quote.subarray(2)).toEqual(tdx.subarray(2));
  });

  it("leaves a quote that is cut off to the appraisal", () => {
    expect(readQuoteInput(tdx.subarray(0, 100), "q.bin")).toHaveLength(100);
  });

  it.skipIf(noVectors)("reads a recorded quote in each form", () => {
    const raw = readVector("tdx/quotes/v4-phala.bin");
    const texts = [Buffer.from(raw).toString("hex"), Buffer.from(raw).toString("base64")];
    for (const text of texts) expect(readQuoteInput(Buffer.from(text), "q")).toEqual(raw);
    expect(readQuoteInput(raw, "q")).toEqual(raw);
  });

  const sevReport = Buffer.alloc(1184);
  sevReport.writeUInt32LE(3, 0);
  sevReport.writeUInt32LE(1, 52);
  const others: [string, Buffer | string, string][] = [
    ["a PNG", Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"), "a PNG image"],
    ["a gzip file", Buffer.from("1f8b0800000000000003", "hex"), "gzip"],
    ["white space", " \n ", "only white space"],
    ["an attestation answer", '{"intel_quote":"04"}', "--attestation"],
    ["a PEM text", "-----BEGIN CERTIFICATE-----\nMII=\n", "a PEM text"],
    ["a sentence", "Hello, world!", "neither hex nor base64"],
    ["hex with a digit too few", hex.slice(1), "odd number of digits"],
    ["hex as PowerShell writes it", Buffer.from(`\ufeff${hex}`, "utf16le"), "a text in UTF-16: save it as ASCII or UTF-8"],
    ["a few bytes", tdx.subarray(0, 20), "20 bytes, fewer"],
    ["zeros", Buffer.alloc(5000), "it begins with 00000000"],
    ["an SGX quote of version 3", quoteLike(3, 0), "an SGX quote (version 3)"],
    ["an SGX quote of version 4", quoteLike(4, 0), "an SGX quote (version 4)"],
    ["a quote of an unknown TEE", quoteLike(4, 0x82), "TEE type 0x82"],
    ["an SGX report", Buffer.alloc(432), "an SGX report"],
    ["a TDREPORT", Buffer.from([0x81, ...Buffer.alloc(1023)]), "a TDREPORT"],
    ["an SEV-SNP report", sevReport, "an AMD SEV-SNP report"],
    ["an SEV-SNP report in hex", sevReport.toString("hex"), "an AMD SEV-SNP report"],
  ];
  it.each(others)("says what %s is", (_name, input, words) => {
    const read = () => readQuoteInput(Buffer.from(input), "q.bin");
    expect(read).toThrow(CommandError);
    expect(read).toThrow(/^q\.bin: not a TDX quote, but /);
    expect(read).toThrow(words);
  });
});
