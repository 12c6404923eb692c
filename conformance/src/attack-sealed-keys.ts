import { toHex } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { signKeysStatement } from "@bauta/protocol/enclave";
import { keysAttacks } from "./attack-keys.ts";
import type { AttestationAsked, ConformanceCase, Misbehaviour, Scene } from "./case.ts";
import { mintEvidence } from "./mint-evidence.ts";
import type { JsonObject } from "./relayed-answer.ts";

type Statement = Parameters<typeof signKeysStatement>[2];

const refused = (id: string, cases: readonly string[], title: string, misbehaviour: Misbehaviour): ConformanceCase => ({
  id: `v2-keys/${id}`,
  cases,
  title,
  protocol: 2,
  expected: "refused",
  misbehaviour,
});
/** The gateway changes a statement that it cannot sign. */
const relayed = (
  id: string,
  cases: readonly string[],
  title: string,
  attest: (genuine: JsonObject, asked: AttestationAsked, scene: Scene) => JsonObject,
) => refused(id, cases, title, { attest });
/** An enclave of the right build, whose own attested key signs an offer that cannot be taken: nothing else is wrong. */
const offered = (id: string, title: string, offer: (honest: Statement) => Statement) =>
  refused(`offered-${id}`, ["17c"], title, {
    machine: {},
    async attest(genuine, { model, nonce }, { machine, operator }) {
      const evidence = await mintEvidence({ machine, model, nonce, publicKey: operator.publicKey });
      const { keys, signature } = signKeysStatement(backend, operator.secretKey, offer(statementOf(genuine)));
      return { ...evidence, keys, keys_signature: signature };
    },
  });
const offeredConfig = (id: string, title: string, change: (config: Buffer) => Uint8Array) =>
  offered(id, title, (honest) => ({
    ...honest,
    hpke_key_config: toHex(change(Buffer.from(honest.hpke_key_config ?? "", "hex"))),
  }));

/** Where the public key begins: behind the key's id and the KEM's. */
const PUBLIC_KEY_AT = 3;

/** What the enclave's own key says of the key to seal whole requests to: left out, changed, another's, or unusable. */
export const sealedKeysAttacks: readonly ConformanceCase[] = [
  relayed(
    "no-statement",
    ["17c"],
    "leaves the keys statement out, as a server that knows version 1 alone",
    ({ keys: _keys, keys_signature: _signature, ...rest }) => rest,
  ),
  relayed("version-struck", ["17c"], "strikes version 2 from the statement", (genuine) => edited(genuine, { versions: ["1"] })),
  relayed("config-struck", ["17c"], "strikes the key from the statement", (genuine) => edited(genuine, { hpke_key_config: null })),
  relayed("config-own", ["17d"], "puts a key of its own into the statement", (genuine, _asked, { genuine: { otherKeyConfig } }) =>
    edited(genuine, { hpke_key_config: toHex(otherKeyConfig) }),
  ),
  relayed("config-own-signed", ["17d"], "signs a statement over a key of its own with its own key", (genuine, _asked, scene) => {
    const statement = { ...statementOf(genuine), hpke_key_config: toHex(scene.genuine.otherKeyConfig) };
    const { keys, signature } = signKeysStatement(backend, scene.operator.secretKey, statement);
    return { ...genuine, keys, keys_signature: signature };
  }),
  relayed("earlier-with-nonce", ["17d"], "shows the statement of an hour ago under the client's nonce", (genuine, _asked, scene) => {
    const { nonce } = statementOf(genuine);
    const { earlierAttestation: earlier } = scene.genuine;
    return { ...genuine, ...edited(earlier, { nonce }), intel_quote: genuine["intel_quote"], nonce: genuine["nonce"] };
  }),
  offered("version-1", "offers version 1 alone", (honest) => ({ ...honest, versions: ["1"], hpke_key_config: null })),
  offered("no-config", "lists version 2 and offers no key", (honest) => ({ ...honest, hpke_key_config: null })),
  offered("no-version", "offers a key and does not list version 2", (honest) => ({ ...honest, versions: ["1"] })),
  offered("expired", "offers a key whose time is over", (honest) => ({ ...honest, not_after: 1 })),
  offeredConfig("other-kem", "offers a key for another KEM", (config) => config.fill(0x10, 2, 3)),
  offeredConfig("other-aead", "offers a key for another cipher", (config) => config.fill(0x01, config.length - 1)),
  offeredConfig("longer", "offers a key with a byte too many", (config) => Buffer.concat([config, Buffer.alloc(1)])),
  offeredConfig("shorter", "offers a key with a byte too few", (config) => config.subarray(0, -1)),
  offeredConfig("small-order", "offers a key by which anybody knows what is sealed to it", (config) =>
    config.fill(0, PUBLIC_KEY_AT, PUBLIC_KEY_AT + 32),
  ),
  // What no version takes
  ...keysAttacks.map((attack): ConformanceCase => ({ ...attack, id: `v2-${attack.id}`, protocol: 2 })),
];

function statementOf(genuine: JsonObject): Statement {
  return JSON.parse(String(genuine["keys"])) as Statement;
}

/** In the one form that a signature could be over: that it is not signed is all that is wrong. */
function edited(genuine: JsonObject, change: Partial<Statement>): JsonObject {
  return { ...genuine, keys: JSON.stringify({ ...statementOf(genuine), ...change }) };
}
