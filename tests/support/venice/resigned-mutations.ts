import { createHash } from "node:crypto";
import type { CheckId } from "../../../packages/attestation/src/result.ts";
import type { Json } from "../venice-capture.ts";
import { bootPolicy, editLogs, event, mutation, type Mutation, otherHex } from "./mutation.ts";
import { MRCONFIGID, REGISTER_BYTES, REPORT, REPORT_DATA, RTMR0 } from "./quote-offsets.ts";
import { type Edits, resignCapture } from "./resign-capture.ts";
import { runtimeDigest } from "./runtime-events.ts";

const resigned = (name: string, owner: CheckId, edits: Edits, more: Partial<Mutation> = {}): Mutation =>
  mutation(name, owner, (capture) => resignCapture(capture, edits), more);

/** XORs a byte at an offset of a quote that lies in its report. */
const flip =
  (offset: number, mask = 1) =>
  (report: Buffer) =>
    report.writeUInt8(report.readUInt8(offset) ^ mask, offset);
const inReport = (offset: number, mask = 1) => flip(offset - REPORT, mask);

const TD: readonly Mutation[] = [
  resigned("the TD under debug", "td.debug-off", { report: flip(120) }, { says: /debug mode/ }),
  resigned("a reserved debug bit of the TD", "td.debug-off", { report: flip(120, 4) }, { says: /reserved/ }),
  resigned("SEPT_VE_DISABLE off", "td.attributes", { report: flip(123, 0x10) }, { says: /SEPT_VE_DISABLE/ }),
  resigned("a reserved attribute of the TD", "td.attributes", { report: flip(124, 4) }),
  resigned("protection keys on", "td.attributes", { report: flip(123, 0x40) }, { says: /PKS/ }),
  resigned("an extended feature that no TD can have", "td.xfam", { report: flip(129, 4) }),
  resigned("x87 off", "td.xfam", { report: flip(128) }),
  resigned("a service TD bound", "td.service-td", { mrServiceTd: Buffer.alloc(48, 1) }),
  resigned("another signer of the TDX module", "td.seam-signer", { report: flip(64) }, { says: /MRSIGNERSEAM/ }),
  resigned("other attributes of the TDX module", "td.seam-signer", { report: flip(112) }, { says: /SEAM attributes/ }),
];

const setStatus = (status: string) => (info: Json) => (info["tcbLevels"][0].tcbStatus = status);

const TCB: readonly Mutation[] = [
  resigned("a TDX module that Intel does not know", "tdx.module-identity", { report: flip(1, 8) }, { says: /TDX_09/ }),
  resigned("a TDX module below every level", "tdx.module-identity", { report: flip(0, 6) }),
  resigned("an outdated TDX module", "tdx.tcb-status", { report: flip(0, 2) }, { says: /OutOfDate/ }),
  resigned("an outdated loader of the TDX module", "tdx.tcb-status", { report: flip(2, 1) }, { says: /OutOfDate/ }),
  resigned("an outdated quoting enclave", "tdx.tcb-status", { qeReport: flip(258, 7) }),
  resigned("the platform's level outdated", "tdx.tcb-status", { tcbInfo: setStatus("OutOfDate") }, { says: /OutOfDate/ }),
  resigned("the platform's level revoked", "tdx.tcb-status", { tcbInfo: setStatus("Revoked") }, { says: /Revoked/ }),
  resigned("a status that nobody knows", "tdx.tcb-status", { tcbInfo: setStatus("Fine") }),
  resigned("no level that the platform reaches", "tdx.tcb-status", { tcbInfo: (info) => info["tcbLevels"].splice(0) }),
  resigned(
    "TCB info of another FMSPC, current",
    "tdx.tcb-status",
    { tcbInfo: (info) => (info["fmspc"] = "50806f000000") },
    { says: /FMSPC/ },
  ),
  resigned("TCB info of another PCE", "tdx.tcb-status", { tcbInfo: (info) => (info["pceId"] = "0001") }, { says: /PCEID/ }),
  resigned("a PCK certificate of another FMSPC", "tdx.tcb-status", { pck: flipFmspc }, { says: /FMSPC/ }),
  resigned("an advisory that the policy refuses", "tdx.advisories", {
    tcbInfo: (info) => (info["tcbLevels"][0].advisoryIDs = ["INTEL-SA-99999"]),
  }),
  resigned("TCB info for SGX", "tdx.tcb-info-signature", { tcbInfo: (info) => (info["id"] = "SGX") }),
  resigned("TCB info of version 2", "tdx.tcb-info-signature", { tcbInfo: (info) => (info["version"] = 2) }),
  resigned("TCB info of a lower number", "tdx.evaluation-number", { tcbInfo: (info) => (info["tcbEvaluationDataNumber"] = 17) }),
  resigned("a QE identity of a lower number", "tdx.evaluation-number", { qeIdentity: (qe) => (qe["tcbEvaluationDataNumber"] = 17) }),
  resigned("TCB info that has ended", "tdx.collateral-current", { tcbInfo: (info) => (info["nextUpdate"] = "2026-04-24T01:58:41Z") }),
  resigned("a QE identity that has not begun", "tdx.collateral-current", {
    qeIdentity: (qe) => (qe["issueDate"] = "2026-04-24T01:58:42Z"),
  }),
];

const ENCLAVE: readonly Mutation[] = [
  resigned("the identity of another enclave: QE", "tdx.qe-identity-signature", { qeIdentity: (qe) => (qe["id"] = "QE") }),
  resigned("the identity of another enclave: QVE", "tdx.qe-identity-signature", { qeIdentity: (qe) => (qe["id"] = "QVE") }),
  resigned("a quoting enclave by another signer", "tdx.qe-identity-match", { qeReport: flip(128) }, { says: /MRSIGNER/ }),
  resigned("a quoting enclave that is another product", "tdx.qe-identity-match", { qeReport: flip(256) }, { says: /ISVPRODID/ }),
  resigned("a quoting enclave under debug", "tdx.qe-identity-match", { qeReport: flip(48, 2) }, { says: /debug/ }),
  resigned("a quoting enclave with other attributes", "tdx.qe-identity-match", { qeReport: flip(48, 0x20) }, { says: /attributes/ }),
  resigned("a quoting enclave with another MISCSELECT", "tdx.qe-identity-match", { qeReport: flip(16) }, { says: /MISCSELECT/ }),
  resigned("an identity with another signer", "tdx.qe-identity-match", { qeIdentity: (qe) => (qe["mrsigner"] = otherHex(64)) }),
  resigned("zeros behind the commitment to the attestation key", "tdx.attestation-key-bound", { qeReport: flip(383) }),
];

const REVOKED: readonly Mutation[] = [
  resigned("the PCK certificate withdrawn", "tdx.pck-crl", { revoked: ["pck"] }, { says: /Certificate/ }),
  resigned("the PCK CA withdrawn", "tdx.root-crl", { revoked: ["ca"] }, { says: /Platform CA/ }),
  resigned("the TCB signer withdrawn", "tdx.root-crl", { revoked: ["tcb"] }, { says: /TCB Signing/ }),
];

const BINDING: readonly Mutation[] = [
  resigned("a quote over another nonce", "nonce.bound", { first: inReport(REPORT_DATA + 63) }),
  resigned("a quote over another address", "key.bound-to-report-data", { first: inReport(REPORT_DATA) }),
  resigned(
    "a quote with something behind the address",
    "key.bound-to-report-data",
    { first: inReport(REPORT_DATA + 31) },
    { says: /not zero/ },
  ),
];

const MEASURED: readonly Mutation[] = [
  resigned("another MRTD", "measure.mrtd", { report: flip(136) }),
  ...[0, 1, 2].map((register) =>
    resigned(`one more firmware event, measured into RTMR${register}`, `measure.rtmr${register as 0 | 1 | 2}`, {
      ...measured((log) => log.splice(20, 0, { imr: register, event_type: 4, digest: otherHex(96), event: "", event_payload: "" })),
    }),
  ),
  resigned(
    "one more event of an app, measured",
    "measure.rtmr3",
    measured((log) => log.push(runtimeEvent("app-event", "00"))),
  ),
  resigned("another MRCONFIGID", "dstack.compose-hash", { report: inReport(MRCONFIGID + 1) }, { says: /MRCONFIGID/ }),
  resigned("a MRCONFIGID of unknown kind", "dstack.compose-hash", { report: inReport(MRCONFIGID, 8) }, { says: /unknown kind/ }),
  resigned("a MRCONFIGID that does not end in zeros", "dstack.compose-hash", { report: inReport(MRCONFIGID + 47) }, { says: /zeros/ }),
  boot(
    "a second compose hash, measured after the boot",
    "eventlog.replay",
    (log) => log.push(runtimeEvent("compose-hash", otherHex(64))),
    /2 times/,
  ),
  boot("the OS image hash measured only after the boot", "eventlog.replay", (log) => log.push(...log.splice(26, 1)), /after system-ready/),
  boot("no event that ends the boot", "eventlog.replay", (log) => log.pop(), /system-ready/),
  boot("an app id of another length, measured", "eventlog.replay", (log) => change(log, "app-id", otherHex(42)), /20/),
  boot("another compose hash measured", "dstack.compose-hash", (log) => change(log, "compose-hash", otherHex(64)), /measured event/),
  boot("another OS image measured", "dstack.os-image", (log) => change(log, "os-image-hash", otherHex(64))),
  boot("another key provider measured", "dstack.key-provider", (log) =>
    change(log, "key-provider", Buffer.from('{"name":"none","id":""}').toString("hex")),
  ),
  boot("a key provider that is no JSON", "dstack.key-provider", (log) => change(log, "key-provider", "00")),
  composed("an image by tag alone, measured and pinned so", (text) =>
    text.replaceAll(/(certbot\/dns-cloudflare)@sha256:[0-9a-f]{64}/g, "$1:latest"),
  ),
];

const SECOND: readonly Mutation[] = [
  resigned("a second quote of another TD", "dstack.runtime-compose", { second: flip(136) }, { says: /another TD/ }),
  resigned(
    "a second quote of another instance",
    "dstack.runtime-compose",
    { second: inReport(RTMR0 + 3 * REGISTER_BYTES) },
    { says: /RTMR3/ },
  ),
  resigned(
    "a second quote over another nonce",
    "dstack.runtime-compose",
    { second: inReport(REPORT_DATA + 63) },
    { says: /another nonce/ },
  ),
  resigned("a second quote over other actions", "dstack.runtime-compose", { second: inReport(REPORT_DATA) }, { says: /other actions/ }),
];

/** What only those who hold Intel's keys, or run another TD, could change: the capture signed anew with the change in it. */
export const RESIGNED_MUTATIONS: readonly Mutation[] = [...TD, ...TCB, ...ENCLAVE, ...REVOKED, ...BINDING, ...MEASURED, ...SECOND];

function flipFmspc(tbs: Buffer): void {
  tbs.set(Buffer.from("50806f", "hex"), tbs.indexOf(Buffer.from("040690c06f000000", "hex")) + 2);
}

function runtimeEvent(name: string, payload: string): Json {
  return { imr: 3, event_type: 0x0800_0001, digest: runtimeDigest(name, payload), event: name, event_payload: payload };
}

function change(log: Json[], name: string, payload: string): void {
  Object.assign(event(log, name), runtimeEvent(name, payload));
}

/** Edits all logs, and extends the registers of both quotes with what then stands in them. */
function measured(edit: (log: Json[]) => unknown): Edits {
  let log: Json[] = [];
  return {
    answer: (body) => {
      editLogs(body, edit);
      log = body["event_log"];
    },
    report: (report) => {
      for (const register of [0, 1, 2, 3]) report.set(replay(log, register), RTMR0 - REPORT + register * REGISTER_BYTES);
    },
  };
}

function replay(log: readonly Json[], register: number): Buffer {
  let value = Buffer.alloc(REGISTER_BYTES);
  for (const { imr, digest } of log) {
    if (imr === register) value = createHash("sha384").update(value).update(Buffer.from(digest, "hex")).digest();
  }
  return value;
}

/** A change of RTMR3 under a policy that does not pin it: what the events say is what counts. */
function boot(name: string, owner: CheckId, edit: (log: Json[]) => unknown, says?: RegExp): Mutation {
  return mutation(name, owner, (capture) => ({ ...resignCapture(capture, measured(edit)), policy: bootPolicy() }), says && { says });
}

/** Another compose document, measured and pinned as such. */
function composed(name: string, edit: (text: string) => string): Mutation {
  return mutation(name, "image.digests-pinned", (capture) => {
    const text = edit(capture.evidence.info?.app_compose ?? "");
    const hash = createHash("sha256").update(text).digest();
    const { answer, report } = measured((log) => change(log, "compose-hash", hash.toString("hex")));
    const edits: Edits = {
      answer: (body) => {
        answer?.(body);
        body["info"].tcb_info.app_compose = text;
        body["info"].compose_hash = body["info"].tcb_info.compose_hash = hash.toString("hex");
      },
      report: (bytes) => {
        report?.(bytes);
        bytes.set(hash, MRCONFIGID - REPORT + 1);
      },
    };
    return { ...resignCapture(capture, edits), policy: bootPolicy({ compose_hash: hash.toString("hex") }) };
  });
}
