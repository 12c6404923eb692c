import { canonicalJson } from "@bauta/protocol";
import { createHash } from "node:crypto";
import { keccak256 } from "./keccak.ts";

/** dstack's kinds of MRCONFIGID: nothing, the compose hash, the app with its key provider, a document with all of it. */
export type MrConfigKind = 0 | 1 | 2 | 3;

/** What dstack's MRCONFIGID may commit to; hashes and ids as hex. */
export interface AppIdentity {
  readonly composeHash: string;
  readonly appId: string;
  readonly instanceId: string;
  readonly keyProvider: KeyProvider;
}

/** As in dstack's `key-provider` event: what derives the app's keys. `id` is hex. */
export interface KeyProvider {
  readonly name: string;
  readonly id: string;
}

const REGISTER_BYTES = 48;
const DOCUMENT_DOMAIN = "dstack-mr-config-v3:";
/** dstack's kinds of key provider by the names that its events give them: the number in kind 2, the word in kind 3. */
const PROVIDER_KINDS: ReadonlyMap<string, readonly [number, string]> = new Map([
  ["none", [0, "none"]],
  ["local-sgx", [1, "local"]],
  ["kms", [2, "kms"]],
  ["tpm", [3, "tpm"]],
]);

/**
 * MRCONFIGID of an app, 96 hex digits, and for kind 3 the document that it commits to.
 * @throws RangeError when kind 2 or 3 is asked for with a key provider that dstack does not know
 * @see dstack, dstack-types/src/mr_config.rs
 */
export function mrConfigIdOf(kind: MrConfigKind, app: AppIdentity): { readonly id: string; readonly document?: string } {
  if (kind === 0) return { id: "00".repeat(REGISTER_BYTES) };
  const composeHash = Buffer.from(app.composeHash, "hex");
  if (kind === 1) return { id: register(kind, composeHash) };
  if (kind === 2) {
    const { name, id } = app.keyProvider;
    const provider = Buffer.concat([Buffer.of(providerKind(name)[0]), Buffer.from(id, "hex")]);
    return { id: register(kind, keccak256(Buffer.concat([composeHash, Buffer.from(app.appId, "hex"), provider]))) };
  }
  const document = mrConfigDocument(app);
  const digest = createHash("sha256").update(DOCUMENT_DOMAIN).update(Buffer.of(0)).update(document).digest();
  return { id: register(kind, digest), document };
}

function mrConfigDocument({ composeHash, appId, instanceId, keyProvider: { name, id } }: AppIdentity): string {
  return canonicalJson({
    version: 3,
    app_id: appId,
    compose_hash: composeHash,
    instance_id: instanceId,
    key_provider: providerKind(name)[1],
    ...(id && { key_provider_id: id }),
  });
}

function register(kind: MrConfigKind, digest: Uint8Array): string {
  return Buffer.concat([Buffer.of(kind), digest], REGISTER_BYTES).toString("hex");
}

function providerKind(name: string): readonly [number, string] {
  const kind = PROVIDER_KINDS.get(name);
  if (!kind) throw new RangeError(`dstack knows no key provider "${name}"; known are ${[...PROVIDER_KINDS.keys()].join(", ")}`);
  return kind;
}
