import { Identity, Transport } from "ehbp";
import type { RunningEnclave } from "./running-enclave.ts";

const NONCE = "ab".repeat(32);

/** A client of EHBP that is not ours, and what lies between it and the enclave. */
export interface EhbpClient {
  readonly identity: Identity;
  /** The package's own way: seals, sends, opens. */
  readonly transport: Transport;
  /** Seals a JSON body with the package, without sending it. */
  seal(body: unknown): Promise<SealedByEhbp>;
}

export interface SealedByEhbp {
  readonly encapsulatedKey: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Opens an answer's bytes with the package. */
  open(bytes: Uint8Array<ArrayBuffer>, responseNonce: string): Promise<Uint8Array>;
}

/** The key that an attestation answer's keys statement names. */
export async function fetchKeyConfig(url: string, model = "e2ee-demo"): Promise<Uint8Array> {
  const answer = (await (await fetch(`${url}/v1/tee/attestation?model=${model}&nonce=${NONCE}`)).json()) as { keys: string };
  return Buffer.from((JSON.parse(answer.keys) as { hpke_key_config: string }).hpke_key_config, "hex");
}

export async function createEhbpClient({ url }: Pick<RunningEnclave, "url">, keyConfig?: Uint8Array): Promise<EhbpClient> {
  const identity = await Identity.unmarshalPublicConfig(keyConfig ?? (await fetchKeyConfig(url)));
  return {
    identity,
    transport: new Transport(identity, new URL(url).host),
    async seal(body) {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const { request, context } = await identity.encryptRequestWithContext(new Request(url, { method: "POST", body: text }));
      if (!context) throw new TypeError("nothing was sealed");
      return {
        encapsulatedKey: request.headers.get("ehbp-encapsulated-key") as string,
        bytes: new Uint8Array(await request.arrayBuffer()),
        async open(bytes, responseNonce) {
          const sealed = new Response(bytes, { headers: { "ehbp-response-nonce": responseNonce } });
          const opened = await identity.decryptResponseWithContext(sealed, context);
          return new Uint8Array(await opened.arrayBuffer());
        },
      };
    },
  };
}

/** The sizes of an answer's frames, ciphertext and tag. */
export function frameSizes(bytes: Uint8Array): readonly number[] {
  const sizes: number[] = [];
  for (let at = 0; at < bytes.length; at += 4 + (sizes.at(-1) as number)) {
    sizes.push(new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0));
  }
  return sizes;
}
