import { readdirSync, readFileSync } from "node:fs";

/** One recorded answer of a live enclave, with Intel's collateral of the same minute. */
export function readCapture(folder) {
  const names = readdirSync(folder);
  const body = (prefix) => readFileSync(folder + names.find((name) => name.startsWith(prefix) && name.endsWith(".body")));
  const chain = (prefix) => {
    const { headers } = JSON.parse(readFileSync(folder + names.find((name) => name.startsWith(prefix) && name.endsWith(".json"))));
    return decodeURIComponent(Object.entries(headers).find(([header]) => /issuer-chain$/i.test(header))[1][0]);
  };
  const { nonce_hex: nonceHex, captured_at: at } = JSON.parse(readFileSync(`${folder}manifest.json`));
  return {
    answer: JSON.parse(body("0001_")),
    endorsements: {
      ...signedMember(body("0002_"), chain("0002_"), "tcbInfo", "tcb_info"),
      ...signedMember(body("0003_"), chain("0003_"), "enclaveIdentity", "qe_identity"),
      pck_crl: body("0004_").toString("hex"),
      pck_crl_issuer_chain: chain("0004_"),
      root_ca_crl: body("0005_").toString("hex"),
    },
    nonceHex,
    nowMs: Date.parse(at),
  };
}

/** The signature is over the member's exact text. */
function signedMember(body, issuerChain, member, name) {
  const [, signed, signature] = new RegExp(`^\\{"${member}":(.*),"signature":"([0-9a-fA-F]+)"\\}\\s*$`, "s").exec(body.toString());
  return { [name]: signed, [`${name}_signature`]: signature, [`${name}_issuer_chain`]: issuerChain };
}
