import { createHash, randomBytes } from "node:crypto";
import { addressOf, createReportData, toHex } from "@bauta/protocol";
import type { AttestationAsked, ConformanceCase, Misbehaviour, RawReply, Scene } from "./case.ts";
import type { JsonObject } from "./relayed-answer.ts";
import { mintEvidence, nonceBytes } from "./mint-evidence.ts";

type Change = (genuine: JsonObject, asked: AttestationAsked, scene: Scene) => JsonObject | RawReply | Promise<JsonObject | RawReply>;

const refused = (id: string, cases: readonly string[], title: string, misbehaviour: Misbehaviour): ConformanceCase => ({
  id: `attestation/${id}`,
  cases,
  title,
  expected: "refused",
  misbehaviour,
});
const changed = (id: string, cases: readonly string[], title: string, attest: Change) => refused(id, cases, title, { attest });
/** A provider's own TD, whose key it knows, on a machine with one fault. */
const faulty = (id: string, cases: readonly string[], title: string, machine: NonNullable<Misbehaviour["machine"]>) =>
  refused(id, cases, title, { machine });

const ZEROS_48 = "00".repeat(48);

/** Evidence that proves something else than that an acceptable enclave holds the key, right now. */
export const attestationAttacks: readonly ConformanceCase[] = [
  // Freshness
  changed("replayed", ["1"], "repeats an attestation answer of an hour ago", (_genuine, _asked, { genuine }) => genuine.earlierAttestation),
  changed("stale-quote", ["1"], "puts the client's nonce beside a quote over an earlier nonce", (genuine, { nonce }, scene) => ({
    ...scene.genuine.earlierAttestation,
    nonce,
    request_nonce: genuine["request_nonce"],
  })),
  changed("hashed-nonce", ["1"], "binds a hash of the nonce, as only tee-* models may", (_genuine, asked, scene) =>
    bindOtherNonce(asked, scene, createHash("sha256").update(asked.nonce).digest()),
  ),
  changed("half-nonce", ["1"], "binds the first 16 bytes of the nonce", (_genuine, asked, scene) =>
    bindOtherNonce(asked, scene, nonceBytes(asked.nonce).slice().fill(0, 16)),
  ),
  changed("other-nonce-stated", ["1"], "binds the client's nonce and states another", (genuine) => ({
    ...genuine,
    nonce: "00".repeat(32),
    request_nonce: "00".repeat(32),
  })),

  // The quote itself
  changed("garbage-quote", ["2"], "says verified: true beside random bytes", (genuine) => ({
    ...genuine,
    intel_quote: randomBytes(5000).toString("base64"),
  })),
  changed("missing-quote", ["2"], "says verified: true and leaves the quote out", ({ intel_quote: _quote, ...rest }) => rest),
  changed("empty-quote", ["2"], "says verified: true beside an empty quote", (genuine) => ({ ...genuine, intel_quote: "" })),
  changed("cut-quote", ["2"], "cuts the quote in half", (genuine) => editQuote(genuine, (quote) => quote.subarray(0, quote.length >> 1))),
  changed("edited-quote", ["2"], "writes its own address into a genuine quote", (genuine, { nonce }, { operator }) => {
    const edited = editQuote(genuine, (quote) => {
      quote.set(createReportData(addressOf(operator.publicKey), nonceBytes(nonce)), 568);
      return quote;
    });
    return { ...edited, ...keyMembers(operator.publicKey) };
  }),
  refused("foreign-machine", ["2"], "quotes from a machine under a root that nobody named", { machine: { untrusted: true } }),
  faulty("foreign-root", ["2"], "quotes under a root of the right name with another key", { faults: { foreignRoot: true } }),
  faulty("foreign-pck", ["2"], "has the quoting enclave vouched for by a key that is not the certificate's", {
    faults: { foreignPck: true },
  }),
  faulty("foreign-attestation-key", ["2"], "signs with an attestation key that the quoting enclave does not vouch for", {
    faults: { foreignAttestationKey: true },
  }),
  faulty("foreign-quote-signer", ["2"], "signs the quote with a key that is not its attestation key", {
    faults: { foreignQuoteSigner: true },
  }),
  faulty("expired-pck", ["7"], "quotes under a machine certificate that has expired", { faults: { expiredCertificate: "pck" } }),
  faulty("expired-pck-ca", ["7"], "quotes under a CA that has expired", { faults: { expiredCertificate: "pck-ca" } }),

  // The key
  changed("key-swapped", ["3"], "puts its own key beside the right address", (genuine, _asked, { operator }) => {
    const key = toHex(operator.publicKey);
    return { ...genuine, signing_key: key, signing_public_key: key };
  }),
  changed("key-and-address-swapped", ["3"], "puts its own key and address beside a genuine quote", (genuine, _asked, { operator }) => ({
    ...genuine,
    ...keyMembers(operator.publicKey),
  })),
  changed("key-only-swapped", ["3"], "swaps signing_key and leaves signing_public_key genuine", (genuine, _asked, { operator }) => ({
    ...genuine,
    signing_key: toHex(operator.publicKey),
  })),
  changed(
    "key-in-other-member",
    ["3"],
    "gives its own key as signing_public_key only",
    ({ signing_key: _key, ...rest }, _asked, { operator }) => ({
      ...rest,
      signing_public_key: toHex(operator.publicKey),
    }),
  ),
  changed(
    "quote-of-another-key",
    ["3"],
    "puts the genuine key beside a quote over its own",
    async (genuine, { model, nonce }, { machine, operator }) => ({
      ...(await mintEvidence({ machine, model, nonce, publicKey: operator.publicKey })),
      signing_key: genuine["signing_key"],
      signing_public_key: genuine["signing_public_key"],
      signing_address: genuine["signing_address"],
    }),
  ),
  changed("no-key", ["3"], "gives no key", ({ signing_key: _key, signing_public_key: _other, ...rest }) => rest),
  changed("key-off-curve", ["3", "15"], "gives a key that is no point of the curve", (genuine) => {
    const key = `${String(genuine["signing_key"]).slice(0, -2)}${String(genuine["signing_key"]).endsWith("00") ? "01" : "00"}`;
    return { ...genuine, signing_key: key, signing_public_key: key };
  }),
  changed("key-compressed", ["3", "15"], "gives its key compressed", (genuine) => {
    const key = Buffer.from(String(genuine["signing_key"]), "hex");
    const compressed = `0${2 + ((key[64] ?? 0) & 1)}${key.subarray(1, 33).toString("hex")}`;
    return { ...genuine, signing_key: compressed, signing_public_key: compressed };
  }),
  changed(
    "padding",
    ["3"],
    "leaves bytes of its own between address and nonce",
    async (_genuine, { model, nonce }, { machine, operator }) => {
      const reportData = createReportData(addressOf(operator.publicKey), nonceBytes(nonce));
      reportData[31] = 1;
      return mintEvidence({ machine, model, nonce, publicKey: operator.publicKey, reportData });
    },
  ),

  // The machine and what runs there
  faulty("debug", ["4"], "runs the enclave in debug mode, where its host reads its memory", { debug: true }),
  faulty("reserved-debug-bits", ["4"], "sets a reserved bit among the debug attributes", { faults: { tdAttributes: "0200001000000000" } }),
  faulty("other-build", ["46"], "runs another build than the policy names", { buildName: "something-else" }),
  faulty("other-firmware", ["46"], "runs other firmware", { faults: { measurements: { mrtd: ZEROS_48 } } }),
  faulty("other-configuration", ["46"], "boots with other settings", { faults: { measurements: { rtmr0: ZEROS_48 } } }),
  faulty("other-kernel", ["46"], "boots another kernel", { faults: { measurements: { rtmr1: ZEROS_48 } } }),
  faulty("other-command-line", ["46"], "boots with another command line", { faults: { measurements: { rtmr2: ZEROS_48 } } }),
  faulty("other-compose", ["46"], "runs another compose document", { composeFile: '{"docker_compose_file":"services: {}"}' }),
  faulty("uncommitted-compose", ["46"], "commits to no compose document", { faults: { mrConfigId: ZEROS_48 } }),
  changed("compose-relabelled", ["12"], "shows another compose document than the one that runs", (genuine) => {
    const info = genuine["info"] as JsonObject;
    return { ...genuine, info: { ...info, tcb_info: { ...(info["tcb_info"] as JsonObject), app_compose: "{}" } } };
  }),

  // What is no evidence at all
  changed("error", ["2"], "answers an error that says verified", () =>
    json(502, { verified: true, error: { message: "TEE attestation verification failed" } }),
  ),
  changed("web-page", ["2"], "answers a web page", () => ({
    status: 200,
    headers: { "content-type": "text/html" },
    body: "<html>verified: true</html>",
  })),
  changed("only-a-claim", ["2"], "answers nothing but verified: true", () => ({ verified: true })),
  changed("redirect", ["14"], "redirects to evidence elsewhere", () => ({
    status: 307,
    headers: { location: "/elsewhere/tee/attestation" },
    body: "",
  })),
  changed("endless", ["13"], "answers 16 MB of JSON", (genuine) => ({ ...genuine, padding: "0".repeat(16 * 1024 * 1024) })),
];

function bindOtherNonce(
  { model, nonce }: AttestationAsked,
  { machine, operator: { publicKey } }: Scene,
  bound: Uint8Array,
): Promise<JsonObject> {
  return mintEvidence({ machine, model, nonce, publicKey, reportData: createReportData(addressOf(publicKey), bound) });
}

function keyMembers(publicKey: Uint8Array): JsonObject {
  const key = toHex(publicKey);
  return { signing_key: key, signing_public_key: key, signing_address: `0x${toHex(addressOf(publicKey))}` };
}

function editQuote(genuine: JsonObject, edit: (quote: Buffer) => Buffer): JsonObject {
  return { ...genuine, intel_quote: edit(Buffer.from(String(genuine["intel_quote"]), "base64")).toString("base64") };
}

function json(status: number, body: object): RawReply {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
