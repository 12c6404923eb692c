import { createHash, createPublicKey, type JsonWebKey, verify, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { NrasAnswer, NrasChanges } from "../faults/nras-faults.ts";
import { createSimulator } from "../simulator.ts";

const NOW_MS = Date.parse("2026-11-20T12:00:00Z");
const NONCE = new Uint8Array(32).fill(7);

interface Key extends JsonWebKey {
  readonly kid: string;
  readonly x5c?: readonly string[];
}
type Claims = Readonly<Record<string, unknown>>;

async function mint(nras: NrasChanges = {}) {
  const { gpus } = createSimulator({ nowMs: NOW_MS, gpus: { count: 2 }, faults: { nras } });
  if (!gpus) throw new Error("no GPUs were simulated");
  const { answer, jwks } = await gpus.nras(NONCE);
  return { gpus, answer: answer as NrasAnswer, keys: (jwks as { keys: Key[] }).keys };
}

/** The claims of a token, and whether the key that it names signed it. */
function open(token: string, keys: readonly Key[]): { readonly claims: Claims; readonly signed: boolean } {
  const [header = "", claims = "", signature = ""] = token.split(".");
  const parse = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as Claims;
  const jwk = keys.find(({ kid }) => kid === parse(header)["kid"]);
  if (!jwk) throw new Error("no key of that name");
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const raw = Buffer.from(signature, "base64url");
  return { claims: parse(claims), signed: verify("sha384", Buffer.from(`${header}.${claims}`), { key, dsaEncoding: "ieee-p1363" }, raw) };
}

describe("the simulated second opinion", () => {
  it("commits to one signed token for each GPU, for an hour, over the nonce", async () => {
    const { gpus, answer, keys } = await mint();
    const overall = open(answer[0][1], keys);
    expect(overall).toMatchObject({
      signed: true,
      claims: {
        iss: gpus.nrasIssuer,
        "x-nvidia-overall-att-result": true,
        eat_nonce: "07".repeat(32),
        iat: NOW_MS / 1000,
        exp: NOW_MS / 1000 + 3600,
      },
    });
    expect(Object.keys(answer[1])).toEqual(["GPU-0", "GPU-1"]);
    const submods = overall.claims["submods"] as Readonly<Record<string, unknown>>;
    for (const [name, token] of Object.entries(answer[1])) {
      expect(submods[name]).toEqual(["DIGEST", ["SHA-256", createHash("sha256").update(token).digest("hex")]]);
      expect(open(token, keys)).toMatchObject({
        signed: true,
        claims: { measres: "success", eat_nonce: "07".repeat(32), hwmodel: "GH100" },
      });
    }
  });

  it("names GPUs by the serial numbers of their report certificates", async () => {
    const { gpus, answer, keys } = await mint();
    const { evidence_list } = JSON.parse(await gpus.payload(NONCE)) as { evidence_list: { certificate: string }[] };
    for (const [device, { certificate }] of evidence_list.entries()) {
      const serial = BigInt(`0x${new X509Certificate(Buffer.from(certificate, "base64")).serialNumber}`);
      expect(open(answer[1][`GPU-${device}`] ?? "", keys).claims["ueid"]).toBe(serial.toString());
    }
  });

  it("signs with a key that a chain to its root certifies", async () => {
    const { gpus, keys } = await mint();
    const [leaf, issuer] = (keys[1]?.x5c ?? []).map((der) => new X509Certificate(Buffer.from(der, "base64")));
    const root = new X509Certificate(gpus.nrasRootDer);
    if (!leaf || !issuer) throw new Error("no chain");
    expect(leaf.verify(issuer.publicKey) && issuer.verify(root.publicKey) && root.verify(root.publicKey)).toBe(true);
    expect(leaf.publicKey.export({ format: "jwk" })).toMatchObject({ x: keys[1]?.x, y: keys[1]?.y });
  });

  it("can be wrong in one place", async () => {
    const late = await mint({ gpuClaims: (claims, device) => (device === 1 ? { ...claims, measres: "fail" } : claims) });
    expect(open(late.answer[1]["GPU-1"] ?? "", late.keys)).toMatchObject({ signed: true, claims: { measres: "fail" } });
    expect(open(late.answer[1]["GPU-0"] ?? "", late.keys).claims["measres"]).toBe("success");
    const foreign = await mint({ foreignSigner: true });
    expect(open(foreign.answer[0][1], foreign.keys).signed).toBe(false);
    const flipped = await mint({ signature: (raw) => raw.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) });
    expect(open(flipped.answer[0][1], flipped.keys).signed).toBe(false);
    const unknown = await mint({ jwks: ({ keys }) => ({ keys: keys.slice(0, 1) }) });
    expect(() => open(unknown.answer[0][1], unknown.keys)).toThrow("no key of that name");
    const swapped = await mint({ answer: ([overall, gpus]) => [overall, { "GPU-0": gpus["GPU-1"], "GPU-1": gpus["GPU-0"] }] });
    const submods = open(swapped.answer[0][1], swapped.keys).claims["submods"] as Readonly<Record<string, unknown>>;
    expect(submods["GPU-0"]).not.toEqual([
      "DIGEST",
      [
        "SHA-256",
        createHash("sha256")
          .update(swapped.answer[1]["GPU-0"] ?? "")
          .digest("hex"),
      ],
    ]);
  });
});
