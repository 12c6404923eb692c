import { toHex } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { signKeysStatement } from "@bauta/protocol/enclave";
import type { AttestationAsked, ConformanceCase, Scene } from "./case.ts";
import { OTHER_MODEL } from "./genuine-side.ts";
import type { JsonObject } from "./relayed-answer.ts";

type Change = (genuine: JsonObject, asked: AttestationAsked, scene: Scene) => JsonObject | Promise<JsonObject>;

const refused = (id: string, cases: readonly string[], title: string, attest: Change): ConformanceCase => ({
  id: `keys/${id}`,
  cases,
  title,
  expected: "refused",
  misbehaviour: { attest },
});
const statement = (genuine: JsonObject) => JSON.parse(String(genuine["keys"])) as Parameters<typeof signKeysStatement>[2];

/** A statement of the attested key that is another's, another time's, or none. */
export const keysAttacks: readonly ConformanceCase[] = [
  refused(
    "signature-stripped",
    ["17c"],
    "leaves the signature of the keys statement out",
    ({ keys_signature: _signature, ...rest }) => rest,
  ),
  refused("statement-stripped", ["17c"], "leaves the keys statement out and its signature in", ({ keys: _keys, ...rest }) => rest),
  refused("receipt-signature", ["17d"], "shows the signature of a receipt as that of the keys statement", (genuine, _asked, scene) => ({
    ...genuine,
    keys_signature: scene.genuine.earlier.signature["receipt_signature"],
  })),
  refused("text-signature", ["17d"], "shows a published signature as that of the keys statement", (genuine, _asked, scene) => ({
    ...genuine,
    keys_signature: scene.genuine.earlier.signature["signature"],
  })),
  refused("earlier", ["17d"], "shows the statement of an hour ago", (genuine, _asked, scene) => ({
    ...genuine,
    keys: scene.genuine.earlierAttestation["keys"],
    keys_signature: scene.genuine.earlierAttestation["keys_signature"],
  })),
  refused("other-model", ["17d"], "shows the statement of another model", async (genuine, { nonce }, scene) => {
    const other = await scene.genuine.attest(OTHER_MODEL, nonce);
    return { ...genuine, keys: other["keys"], keys_signature: other["keys_signature"] };
  }),
  refused("edited", ["17d"], "adds a version to the statement", (genuine) => ({
    ...genuine,
    keys: JSON.stringify({ ...statement(genuine), versions: [...statement(genuine).versions, "3"] }),
  })),
  refused("own", ["17d"], "signs a statement with its own key", (genuine, _asked, { operator }) => {
    const signed = signKeysStatement(backend, operator.secretKey, statement(genuine));
    return { ...genuine, keys: signed.keys, keys_signature: signed.signature };
  }),
  refused("reserialised", ["17d"], "writes the statement anew, with spaces", (genuine) => ({
    ...genuine,
    keys: JSON.stringify(statement(genuine), null, 1),
  })),
  refused("high-s", ["17d"], "shows the statement's signature in its other form", (genuine) => ({
    ...genuine,
    keys_signature: otherForm(String(genuine["keys_signature"])),
  })),
];

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The same signature with n − s, which verifiers of Ethereum's kind refuse. */
function otherForm(signature: string): string {
  const bytes = Buffer.from(signature.slice(2), "hex");
  const s = ORDER - BigInt(`0x${toHex(bytes.subarray(32, 64))}`);
  const v = (bytes[64] ?? 27) === 27 ? 28 : 27;
  return `0x${toHex(bytes.subarray(0, 32))}${s.toString(16).padStart(64, "0")}${v.toString(16)}`;
}
