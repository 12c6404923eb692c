import { webcrypto } from "prototype/backends.ts";
import { compare, verifyEvidence, verifyRim } from "prototype/gpu.ts";
import { verifyQuote } from "prototype/tdx.ts";
import { parseCert } from "prototype/x509.ts";
import { parseGpuTrustRoots } from "../../packages/attestation/src/nvidia/nvidia-roots.ts";
import { intelSgxRootCa } from "../../packages/attestation/src/tdx/intel-root.ts";

const crypto = {
  ...webcrypto,
  sha384: async (bytes) => new Uint8Array(await globalThis.crypto.subtle.digest("SHA-384", bytes)),
};
const fromHex = (hex) => Uint8Array.from(hex.match(/../g), (pair) => Number.parseInt(pair, 16));
/** A plain loop, which is fast in every runtime. */
function fromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** The measuring prototype, which stops at the first fault, on WebCrypto: each GPU by itself. */
function evidence({ payload, nonceHex, nowMs, rims = [] }) {
  const pinned = parseGpuTrustRoots();
  const [device, rimRoot] = [pinned.device, pinned.rim].map(({ der }) => parseCert(der));
  const nonce = fromHex(nonceHex);
  return async () => {
    const parsed = JSON.parse(payload);
    for (const entry of parsed.evidence_list ?? parsed) {
      const chain = new TextDecoder().decode(fromBase64(entry.certificate));
      const { s: report } = await verifyEvidence(fromBase64(entry.evidence), chain, nonce, device, nowMs, crypto);
      for (const xml of rims) {
        const { m: measurements } = await verifyRim(xml, rimRoot, nowMs, crypto);
        if (compare(report, new Map(), measurements).length > 0) throw new Error("a mismatch");
      }
    }
  };
}

export const one = async ({ one }) => evidence(one);
export const manifest = async ({ manifest }) => evidence(manifest);
export const eight = async ({ eight }) => evidence(eight);

/** Quote, collateral and GPUs; it reads no event log, no compose document, no second quote. */
export async function whole({ quote, eight, whole: { endorsements, nowMs } }) {
  const root = parseCert(intelSgxRootCa());
  const gpus = evidence(eight);
  return async () => {
    const { status } = await verifyQuote(quote, endorsements, nowMs, root, crypto);
    if (status !== "UpToDate") throw new Error(status);
    await gpus();
  };
}
