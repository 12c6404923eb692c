import { describe, expect, it } from "vitest";
import { parseGpuEndorsements } from "../../packages/attestation/src/evidence/gpu-endorsements-answer.ts";
import { appraiseGpus } from "../../packages/attestation/src/nvidia/appraise-gpus.ts";
import { parseGpuTrustRoots } from "../../packages/attestation/src/nvidia/nvidia-roots.ts";
import { bounded } from "../support/bounded.ts";
import { deepDer, deepJson } from "./bombs.ts";
import { collectCorpus, CORPUS_NOW_MS } from "./corpus.ts";

const { gpu } = await collectCorpus({ recorded: false });
const roots = parseGpuTrustRoots(gpu.roots);
const [payload = ""] = gpu.payloads;
const [rim = ""] = gpu.rims;
const opinion = gpu.opinions[0] as { readonly token: unknown; readonly jwks: { readonly keys: readonly object[] } };
const { evidence_list: list } = JSON.parse(payload) as { evidence_list: readonly { certificate: string; evidence: string }[] };
const base64 = (text: string | Uint8Array) => Buffer.from(text).toString("base64");

type Pieces = Partial<Parameters<typeof appraiseGpus>[0]> & { readonly rims?: readonly string[]; readonly ocsp?: readonly Uint8Array[] };

async function appraise({ rims = [], ocsp = [], ...input }: Pieces) {
  return appraiseGpus({
    payload,
    nonce: gpu.nonce,
    rules: { allow_hold: false },
    nowMs: CORPUS_NOW_MS,
    roots,
    endorsements: { rims, ocsp },
    ...input,
  });
}

/** Eight GPUs that are all this. */
const eight = (changes: Readonly<Record<string, string>>) =>
  JSON.stringify({ arch: "HOPPER", evidence_list: Array.from({ length: 8 }, () => ({ ...list[0], ...changes })) });
const begin = "-----BEGIN CERTIFICATE-----";
const root = (inside: string) => rim.replace(/<Payload[\s\S]*?<\/Payload>/, `<Payload>${inside}</Payload>`);
const signature = (rim.match(/<(?:ds:)?Signature[\s\S]*<\/(?:ds:)?Signature>/) ?? [""])[0];
const manyKeys = (count: number) => ({ keys: Array.from({ length: count }, () => opinion.jwks.keys[0]) });

const PAYLOADS: Readonly<Record<string, string>> = {
  "deep JSON": deepJson(100_000),
  "half a megabyte of white space": `${" ".repeat(500_000)}[`,
  "more than half a megabyte": " ".repeat(600_000),
  "100,000 devices": JSON.stringify(Array.from({ length: 100_000 }, () => 0)),
  "eight chains of begin lines": eight({ certificate: base64(`${begin}\n`.repeat(580)) }),
  "eight chains of white space": eight({ certificate: base64(`${begin}${" \n".repeat(8000)}`) }),
  "eight chains of deep DER": eight({
    certificate: base64(`${begin}${base64(deepDer(0x30, 2600))}-----END CERTIFICATE-----`.slice(0, 16_000)),
  }),
  "eight reports of one byte": eight({ evidence: base64("\x11".repeat(16_000)) }),
  "eight reports whose record is said to be long": eight({
    evidence: base64(Buffer.concat([Buffer.from(list[0]?.evidence ?? "", "base64").subarray(0, 42), Buffer.alloc(15_000, 0xff)])),
  }),
};

const RIMS: Readonly<Record<string, string>> = {
  "deep elements": "<a>".repeat(80_000),
  "elements nested within the limit, again and again": root(`${"<a>".repeat(10)}${"</a>".repeat(10)}`.repeat(3000)),
  "a tag that never ends": `<a ${'b="c" '.repeat(40_000)}`,
  "a name of 250,000 letters": `<${"a".repeat(250_000)}>`,
  "a value of references": `<a b="${"&amp;".repeat(50_000)}"/>`,
  "a text of references": root(`<a>${"&#x10FFFF;".repeat(24_000)}</a>`),
  "a text of ampersands": root("&".repeat(200_000)),
  "entities of its own": `<!DOCTYPE a [<!ENTITY b "${"c".repeat(200_000)}">]><a>&b;</a>`,
  "comments without an end": root("<!--".repeat(50_000)),
  "namespaces in each element": root(Array.from({ length: 4000 }, (_, at) => `<a xmlns:p${at}="urn:${at}"/>`).join("")),
  "64 namespaces at once": root(`<a ${Array.from({ length: 64 }, (_, at) => `xmlns:p${at}="urn:${at}"`).join(" ")}/>`.repeat(40)),
  "measurements of white space": root(" \n\t".repeat(80_000)),
  "forty signatures": rim.replace(signature, signature.repeat(40)),
  "a signature of white space": rim.replace(/SignatureValue>[^<]*</, `SignatureValue>${" ".repeat(200_000)}<`),
  "a certificate of deep DER": rim.replace(/X509Certificate>[^<]*</, `X509Certificate>${base64(deepDer(0x30, 2600))}<`),
  "line ends of both kinds": root("\r\n".repeat(100_000)),
};

const OCSP: Readonly<Record<string, Uint8Array>> = {
  nothing: new Uint8Array(),
  "16 KiB of 0x30": new Uint8Array(16 * 1024).fill(0x30),
  "deep DER": deepDer(0x30, 5000),
  "a megabyte": new Uint8Array(1024 * 1024).fill(0xa0),
};

const OPINIONS: Readonly<Record<string, { readonly token: unknown; readonly jwks: unknown }>> = {
  "a token of 16 KiB of dots": { token: [["JWT", ".".repeat(16_000)], { "GPU-0": "." }], jwks: opinion.jwks },
  "a token of a megabyte": { token: [["JWT", "a".repeat(1_000_000)], { "GPU-0": "a" }], jwks: opinion.jwks },
  "100,000 devices": {
    token: [["JWT", "a"], Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`GPU-${at}`, "a"]))],
    jwks: opinion.jwks,
  },
  "deep JSON": { token: JSON.parse(deepJson(5000)) as unknown, jwks: JSON.parse(deepJson(5000)) as unknown },
  "a token whose claims are deep": {
    token: [["JWT", `${base64('{"alg":"ES384","kid":"a"}')}.${base64(deepJson(4000))}.${"A".repeat(128)}`], { "GPU-0": "a" }],
    jwks: opinion.jwks,
  },
  "10,000 keys of one name": { token: opinion.token, jwks: manyKeys(10_000) },
  "a chain of 10,000 certificates": {
    token: opinion.token,
    jwks: { keys: manyKeys(1).keys.map((key) => ({ ...key, x5c: Array.from({ length: 10_000 }, () => "MIIA") })) },
  },
};

describe("a bomb in what GPUs and NVIDIA say fails its check within 100 ms", () => {
  const cases: readonly (readonly [string, Pieces, boolean])[] = [
    ...Object.entries(PAYLOADS).map(([name, bomb]) => [`evidence: ${name}`, { payload: bomb }, true] as const),
    ...Object.entries(RIMS).map(([name, bomb]) => [`a manifest: ${name}`, { rims: [bomb] }, false] as const),
    ...Object.entries(OCSP).map(([name, bomb]) => [`an OCSP answer: ${name}`, { ocsp: [bomb] }, false] as const),
    ...Object.entries(OPINIONS).map(
      ([name, nras]) => [`a second opinion: ${name}`, { endorsements: { rims: [], ocsp: [], nras } }, true] as const,
    ),
  ];

  it.each(cases)("%s", async (_, pieces, fails) => {
    const { findings } = await bounded(() => appraise(pieces));
    const open = findings.filter(({ status }) => status !== "pass").map(({ id }) => id);
    expect(open).toEqual(expect.arrayContaining(["gpu.measurements", "gpu.revocation"]));
    if (fails) expect(findings.some(({ status }) => status === "fail")).toBe(true);
    for (const { reason } of findings) expect(reason.length).toBeLessThan(2048);
  });

  it("and what is sound is taken", async () => {
    const { findings } = await bounded(() => appraise({ rims: gpu.rims.slice(0, 2) }));
    expect(findings.filter(({ status }) => status === "fail")).toEqual([]);
    expect(findings.find(({ id }) => id === "gpu.measurements")?.status).toBe("pass");
  });

  it("and an answer's endorsements are bounded before any of them is read", async () => {
    const rims = Array.from({ length: 16 }, () => "<".repeat(256 * 1024));
    await bounded(() => parseGpuEndorsements({ rims, ocsp: Array.from({ length: 128 }, () => "A".repeat(20_000)) }));
    expect(() => parseGpuEndorsements({ rims: [...rims, ""] })).toThrow("17 entries");
  });
});
