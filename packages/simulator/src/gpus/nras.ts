import { createHash, randomUUID } from "node:crypto";
import type { JwkSet, NrasAnswer, TokenClaims } from "../faults/nras-faults.ts";
import { createKeyPair, createSecretSource, type SecretSource, type SigningKeyPair, signRaw } from "../keys.ts";
import type { SimulatedDevices } from "./gpu-evidence.ts";

/** What stands in for NVIDIA's attestation service: its answer, and the keys that its tokens are signed with. */
export interface SecondOpinion {
  readonly answer: unknown;
  readonly jwks: unknown;
}

const VALID_SECONDS = 3600;
const KID = "simulated-eat-kid-1";
const OTHER_KID = "simulated-eat-kid-0";
const COORDINATE_BYTES = 48;

/**
 * Writes the answer that NVIDIA's attestation service would give about GPUs in order: an overall token that commits to
 * one token for each GPU. It does not look at evidence, so that each can be wrong on its own.
 * @param issuer the `iss` of every token
 * @see RFC 9711 §4.2.18 (submodules), RFC 7515
 */
export function issueSecondOpinion(
  devices: SimulatedDevices,
  asked: { readonly nonce: Uint8Array; readonly issuer: string; readonly nowMs: number; readonly secrets: SecretSource },
): SecondOpinion {
  const { pki, faults, count } = devices;
  const changes = faults.nras ?? {};
  const key = changes.foreignSigner
    ? createKeyPair(createSecretSource(undefined), "stranger", "P-384")
    : pki.certificate("nras-signer").key;
  const header = { kid: KID, alg: "ES384" };
  const sign = (claims: TokenClaims) => signToken(key, changes.header?.(header) ?? header, claims, changes.signature);
  const issued = Math.floor(asked.nowMs / 1000);
  const common = (): TokenClaims => ({
    nbf: issued,
    iss: asked.issuer,
    eat_nonce: Buffer.from(asked.nonce).toString("hex"),
    exp: issued + VALID_SECONDS,
    iat: issued,
    jti: randomUUID(),
  });
  const tokens = Object.fromEntries(
    Array.from({ length: count }, (_, device) => {
      const claims = { ...common(), ...deviceClaims(devices, device) };
      return [`GPU-${device}`, sign(changes.gpuClaims?.(claims, device) ?? claims)];
    }),
  );
  const overall = {
    sub: "NVIDIA-PLATFORM-ATTESTATION",
    "x-nvidia-ver": "2.0",
    "x-nvidia-overall-att-result": true,
    submods: Object.fromEntries(Object.entries(tokens).map(([name, token]) => [name, ["DIGEST", ["SHA-256", sha256Hex(token)]]])),
    ...common(),
  };
  const answer: NrasAnswer = [["JWT", sign(changes.overallClaims?.(overall) ?? overall)], tokens];
  const jwks: JwkSet = {
    keys: [jwk(OTHER_KID, createKeyPair(asked.secrets, "an earlier NRAS key", "P-384"), []), jwk(KID, signerKey(devices), chain(devices))],
  };
  return { answer: changes.answer?.(answer) ?? answer, jwks: changes.jwks?.(jwks) ?? jwks };
}

/** What the service says about a GPU that is as it should be, version 3. */
function deviceClaims({ model, pki }: SimulatedDevices, device: number): TokenClaims {
  const found = [
    "arch-check",
    "attestation-report-cert-chain-validated",
    "attestation-report-nonce-match",
    "attestation-report-parsed",
    "attestation-report-signature-verified",
    "driver-rim-cert-validated",
    "driver-rim-fetched",
    "driver-rim-measurements-available",
    "driver-rim-schema-validated",
    "driver-rim-signature-verified",
    "vbios-index-no-conflict",
    "vbios-rim-cert-validated",
    "vbios-rim-fetched",
    "vbios-rim-measurements-available",
    "vbios-rim-schema-validated",
    "vbios-rim-signature-verified",
  ];
  return {
    ...Object.fromEntries(found.map((claim) => [`x-nvidia-gpu-${claim}`, true])),
    "x-nvidia-gpu-driver-version": model.driver,
    "x-nvidia-gpu-vbios-version": model.vbios,
    "x-nvidia-attestation-warning": "SIMULATED",
    hwmodel: model.chip,
    oemid: "5703",
    ueid: BigInt(`0x${pki.certificate("device-report", device).serial.toString("hex")}`).toString(),
    secboot: true,
    dbgstat: "disabled",
    measres: "success",
  };
}

function signToken(
  key: SigningKeyPair,
  header: TokenClaims,
  claims: TokenClaims,
  rewrite: ((signature: Buffer) => Uint8Array) | undefined,
): string {
  const encode = (part: TokenClaims) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const signed = `${encode(header)}.${encode(claims)}`;
  const signature = signRaw(key, Buffer.from(signed));
  return `${signed}.${Buffer.from(rewrite?.(signature) ?? signature).toString("base64url")}`;
}

function jwk(kid: string, key: SigningKeyPair, x5c: readonly Buffer[]): JwkSet["keys"][number] {
  return {
    kty: "EC",
    crv: key.curve,
    kid,
    ...(x5c.length > 0 && { x5c: x5c.map((der) => der.toString("base64")) }),
    x: key.point.subarray(0, COORDINATE_BYTES).toString("base64url"),
    y: key.point.subarray(COORDINATE_BYTES).toString("base64url"),
  };
}

function signerKey({ pki }: SimulatedDevices): SigningKeyPair {
  return pki.certificate("nras-signer").key;
}

/** Without the root, as NVIDIA's key sets have it. */
function chain({ pki }: SimulatedDevices): Buffer[] {
  return [pki.certificate("nras-signer").der, pki.certificate("nras-issuer").der];
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
