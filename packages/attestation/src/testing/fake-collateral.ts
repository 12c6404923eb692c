import { toHex } from "@bauta/protocol";
import type { Collateral } from "../collateral/collateral.ts";
import { intelSgxRootCa } from "../tdx/intel-root.ts";

const DAY_MS = 86_400_000;

/** A chain that reads as one; who signed what is not what fetching looks at. */
export const chainPem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(intelSgxRootCa()).toString("base64")}\n-----END CERTIFICATE-----\n`;

export interface FakeCollateral {
  readonly issuedMs: number;
  readonly fmspc?: string;
  readonly ca?: "platform" | "processor";
  readonly tcbDays?: number;
  readonly crlDays?: number;
  readonly evaluationNumber?: number;
}

/** Collateral in the right forms and with the right dates, and with signatures that are not. */
export function fakeCollateral(fake: FakeCollateral): Collateral {
  const { issuedMs, fmspc = "90c06f000000", ca = "platform", tcbDays = 30, crlDays = 30, evaluationNumber = 18 } = fake;
  const document = (id: string, more: object) =>
    JSON.stringify({
      id,
      version: 3,
      issueDate: isoSeconds(issuedMs),
      nextUpdate: isoSeconds(issuedMs + tcbDays * DAY_MS),
      tcbEvaluationDataNumber: evaluationNumber,
      ...more,
    });
  const crl = (issuer: string) => toHex(fakeCrl(issuer, issuedMs, issuedMs + crlDays * DAY_MS));
  return {
    tcb_info: document("TDX", { fmspc: fmspc.toUpperCase(), tcbLevels: [{ note: 'a "}" and a \\ in a string' }] }),
    tcb_info_signature: "ab".repeat(64),
    tcb_info_issuer_chain: chainPem,
    qe_identity: document("TD_QE", { mrsigner: "DC" }),
    qe_identity_signature: "cd".repeat(64),
    qe_identity_issuer_chain: chainPem,
    pck_crl: crl(`Intel SGX PCK ${ca === "platform" ? "Platform" : "Processor"} CA`),
    pck_crl_issuer_chain: chainPem,
    root_ca_crl: crl("Intel SGX Root CA"),
  };
}

function fakeCrl(issuer: string, thisUpdateMs: number, nextUpdateMs: number): Uint8Array {
  const algorithm = tlv(0x30, hex("06082a8648ce3d040302"));
  const name = tlv(0x30, tlv(0x31, tlv(0x30, Buffer.concat([hex("0603550403"), tlv(0x0c, Buffer.from(issuer))]))));
  const crlNumber = tlv(0x30, Buffer.concat([hex("0603551d14"), tlv(0x04, hex("020105"))]));
  const tbs = tlv(
    0x30,
    Buffer.concat([hex("020101"), algorithm, name, time(thisUpdateMs), time(nextUpdateMs), tlv(0xa0, tlv(0x30, crlNumber))]),
  );
  const signature = tlv(0x30, hex("020101020101"));
  return new Uint8Array(tlv(0x30, Buffer.concat([tbs, algorithm, tlv(0x03, Buffer.concat([hex("00"), signature]))])));
}

function tlv(tag: number, body: Buffer): Buffer {
  const length =
    body.length < 0x80 ? [body.length] : body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function time(ms: number): Buffer {
  const text = isoSeconds(ms).replaceAll(/[-:T]/g, "");
  return text < "2050" ? tlv(0x17, Buffer.from(text.slice(2))) : tlv(0x18, Buffer.from(text));
}

function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
