import { createHash } from "node:crypto";
import { jwkOf, type MintedCertificate, mintCertificate, type MintedKey, mintKey, mintToken, NOW_MS } from "./minted-nvidia.ts";

export const NONCE = new Uint8Array(32).fill(0x5a);
const HOUR_S = 3600;
const KEY_ID = "minted-key-1";

/** What has a place in both versions of the claims. */
const COMMON = [
  "arch-check",
  "attestation-report-parsed",
  "attestation-report-nonce-match",
  "attestation-report-signature-verified",
  "driver-rim-fetched",
  "driver-rim-schema-validated",
  "driver-rim-signature-verified",
  "driver-rim-measurements-available",
  "vbios-rim-fetched",
  "vbios-rim-schema-validated",
  "vbios-rim-signature-verified",
  "vbios-rim-measurements-available",
  "vbios-index-no-conflict",
];
const ONLY_2 = ["attestation-report-cert-chain-validated", "driver-rim-cert-validated", "vbios-rim-cert-validated"];
const ONLY_3 = ["attestation-report-cert-chain-fwid-match", "driver-rim-version-match", "vbios-rim-version-match"];
const CHAINS = ["attestation-report-cert-chain", "driver-rim-cert-chain", "vbios-rim-cert-chain"];

type Claims = Record<string, unknown>;

export interface NrasWish {
  readonly version?: "2.0" | "3.0";
  readonly gpus?: number;
  readonly overallClaims?: Claims;
  readonly gpuClaims?: Claims;
  readonly header?: object;
  /** Signs all tokens, or the GPUs'. */
  readonly key?: MintedKey;
  readonly gpuKey?: MintedKey;
  readonly keyId?: string;
}

/** NRAS's stand-in: an authority of its own, which certifies a key for tokens. */
export function createMintedNras(keyWish: { readonly authorityKey?: "p384" | "rsa" | "rsa1024"; readonly leaf?: object } = {}) {
  const root = mintCertificate({ name: "Minted NRAS CA", ca: true });
  const authority = mintCertificate({ name: "Minted NRAS Intermediate", ca: true, issuer: root, key: mintKey(keyWish.authorityKey) });
  const key = mintKey();
  const leaf = mintCertificate({ name: "Minted NRAS GPU", key, issuer: authority, ...keyWish.leaf });
  return { root, authority, leaf, key, keySet: keySetOf(key, [leaf, authority]) };
}

export function keySetOf(key: MintedKey, chain: readonly MintedCertificate[], members: object = {}): { keys: Claims[] } {
  const x5c = chain.map((certificate) => Buffer.from(certificate.der).toString("base64"));
  const other = { kty: "EC", crv: "P-384", kid: "another-key", ...jwkOf(mintKey()) };
  return { keys: [other, { kty: "EC", crv: "P-384", kid: KEY_ID, x5c, ...jwkOf(key), ...members }] };
}

/** An answer of the service, in which every GPU is as it should be unless claims are changed. */
export function mintNrasAnswer(key: MintedKey, wish: NrasWish = {}): [["JWT", string], Record<string, string>] {
  const { version = "3.0", gpus = 2, keyId = KEY_ID } = wish;
  const now = NOW_MS / 1000;
  const shared = {
    iss: "https://nras.attestation.nvidia.com",
    eat_nonce: Buffer.from(NONCE).toString("hex"),
    iat: now,
    nbf: now,
    exp: now + HOUR_S,
  };
  const names = Array.from({ length: gpus }, (_, index) => `GPU-${index}`);
  const tokens = names.map((name, index) => {
    const claims = { ...gpuClaims(version), ...shared, ueid: String(1000 + index), ...wish.gpuClaims };
    return [name, mintToken(wish.gpuKey ?? wish.key ?? key, keyId, claims, wish.header)] as const;
  });
  const submods = Object.fromEntries(
    tokens.map(([name, token]) => [name, ["DIGEST", ["SHA-256", createHash("sha256").update(token).digest("hex")]]]),
  );
  const overall = {
    sub: "NVIDIA-PLATFORM-ATTESTATION",
    "x-nvidia-ver": version,
    "x-nvidia-overall-att-result": true,
    submods,
    ...shared,
    ...wish.overallClaims,
  };
  return [["JWT", mintToken(wish.key ?? key, keyId, overall, wish.header)], Object.fromEntries(tokens)];
}

function gpuClaims(version: "2.0" | "3.0"): Claims {
  const good = { "x-nvidia-cert-status": "valid", "x-nvidia-cert-ocsp-status": "good", "x-nvidia-cert-revocation-reason": null };
  const yes = [...COMMON, ...(version === "2.0" ? ONLY_2 : ONLY_3)].map((name) => [`x-nvidia-gpu-${name}`, true]);
  const chains = version === "2.0" ? [] : CHAINS.map((name) => [`x-nvidia-gpu-${name}`, good]);
  return {
    ...(Object.fromEntries([...yes, ...chains]) as Claims),
    measres: "success",
    secboot: true,
    dbgstat: "disabled",
    hwmodel: "GH100 A01 GSP BROM",
    "x-nvidia-gpu-driver-version": "570.172.08",
    "x-nvidia-gpu-vbios-version": "96.00.CF.00.02",
    "x-nvidia-attestation-warning": null,
  };
}

/** All claims that a GPU's token must have, by version. */
export function requiredClaims(version: "2.0" | "3.0"): readonly string[] {
  return Object.keys(gpuClaims(version)).filter((name) => !/version$|warning|hwmodel/.test(name));
}
