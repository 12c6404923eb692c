import type { QeIdentity, SimulatorFaults } from "../../../packages/simulator/src/index.ts";
import type { PlatformCase, PlatformFamily } from "../platform-case.ts";

const MATCH = "tdx.qe-identity-match";
const STATUS = "tdx.tcb-status";
const SHAPE = "tdx.qe-identity-signature";

const identity = (change: (identity: QeIdentity) => object): SimulatorFaults => ({
  qeIdentity: { content: (content) => ({ ...content, ...change(content) }) },
});
const level = (isvsvn: number, tcbStatus: string): object => ({ tcb: { isvsvn }, tcbDate: "2026-01-01T00:00:00Z", tcbStatus });
const levels = (...tcbLevels: readonly object[]): SimulatorFaults => identity(() => ({ tcbLevels }));

const report: readonly PlatformCase[] = [
  { name: "a quoting enclave of another signer", fails: MATCH, faults: { qeMrSigner: "ab".repeat(32) } },
  {
    name: "a quoting enclave of another signer, which its identity names",
    fails: MATCH,
    faults: { ...identity(() => ({ mrsigner: "00".repeat(32) })) },
  },
  { name: "Intel's quoting enclave for SGX", fails: MATCH, faults: { qeProductId: 1 } },
  { name: "a product number that is right in its first byte", fails: MATCH, faults: { qeProductId: 0x0102 } },
  { name: "a quoting enclave under debug", fails: MATCH, faults: { qeDebug: true } },
  {
    name: "a quoting enclave under debug, which its identity's mask does not see",
    fails: MATCH,
    faults: { qeDebug: true, ...identity(() => ({ attributes: "0".repeat(32), attributesMask: "0".repeat(32) })) },
  },
  { name: "a quoting enclave that was never initialised", fails: MATCH, faults: { qeAttributes: "1400000000000000e700000000000000" } },
  { name: "an attribute outside the mask", faults: { qeAttributes: "1500000000000000ffffffff00000000" } },
  { name: "a 32-bit quoting enclave, which the mask does not see", faults: { qeAttributes: "1100000000000000e700000000000000" } },
  { name: "an attribute inside the mask", fails: MATCH, faults: { qeAttributes: "9500000000000000e700000000000000" } },
  { name: "an attribute inside the mask, in its last byte", fails: MATCH, faults: { qeAttributes: "1500000000000080e700000000000000" } },
  { name: "a missing attribute that the identity demands", fails: MATCH, faults: { qeAttributes: "0500000000000000e700000000000000" } },
  { name: "a MISCSELECT inside the mask", fails: MATCH, faults: { qeMiscSelect: 1 } },
  { name: "a MISCSELECT inside the mask, in its last byte", fails: MATCH, faults: { qeMiscSelect: 0x8000_0000 } },
  { name: "a MISCSELECT outside the mask", faults: { qeMiscSelect: 1, ...identity(() => ({ miscselectMask: "00000000" })) } },
  // Intel's library turns the published bytes around before it compares numbers: the first byte is the lowest.
  {
    name: "a MISCSELECT in the byte order of Intel's library",
    faults: { qeMiscSelect: 1, ...identity(() => ({ miscselect: "01000000" })) },
  },
  {
    name: "a MISCSELECT in the other byte order",
    fails: MATCH,
    faults: { qeMiscSelect: 1, ...identity(() => ({ miscselect: "00000001" })) },
  },
  {
    name: "an identity that demands an attribute outside its own mask",
    fails: MATCH,
    faults: identity(() => ({ attributes: "11000000000000000100000000000000" })),
  },
  {
    name: "an identity that demands a MISCSELECT outside its own mask",
    fails: MATCH,
    faults: identity(() => ({ miscselect: "01000000", miscselectMask: "00000000" })),
  },
];

const status: readonly PlatformCase[] = [
  { name: "a quoting enclave below every level", fails: STATUS, faults: { qeSvn: 3 } },
  { name: "a quoting enclave without levels", fails: STATUS, faults: levels() },
  { name: "a quoting enclave newer than every level", faults: { qeSvn: 0xffff } },
  { name: "an outdated quoting enclave", fails: STATUS, faults: levels(level(5, "UpToDate"), level(4, "OutOfDate")) },
  {
    name: "an outdated quoting enclave, under a policy that accepts it",
    faults: levels(level(5, "UpToDate"), level(4, "OutOfDate")),
    tcb: { accept: ["OutOfDate"] },
  },
  { name: "a revoked quoting enclave", fails: STATUS, faults: levels(level(5, "UpToDate"), level(4, "Revoked")) },
  { name: "a quoting enclave of a status that nobody knows", fails: STATUS, faults: levels(level(4, "Splendid")) },
  {
    name: "a quoting enclave of a status that only platforms have",
    fails: STATUS,
    faults: levels(level(4, "SWHardeningNeeded")),
    tcb: { accept: ["UpToDate", "SWHardeningNeeded"] },
  },
  {
    name: "QE levels in any order, the one reached out of date",
    fails: STATUS,
    faults: levels(level(1, "UpToDate"), level(4, "OutOfDate"), level(6, "UpToDate")),
  },
  {
    name: "QE levels in any order, the one reached up to date",
    faults: levels(level(1, "OutOfDate"), level(6, "OutOfDate"), level(4, "UpToDate")),
  },
];

const malformed: readonly (readonly [string, (identity: QeIdentity) => object])[] = [
  ["an MRSIGNER cut short", () => ({ mrsigner: "dc9e" })],
  ["an empty MRSIGNER", () => ({ mrsigner: "" })],
  ["no MRSIGNER", () => ({ mrsigner: undefined })],
  ["an attribute mask cut short", () => ({ attributesMask: "FB" })],
  ["attributes longer than their mask", ({ attributes }) => ({ attributes: `${attributes}00` })],
  ["an empty MISCSELECT mask", () => ({ miscselectMask: "" })],
  ["a mask that is not hex", () => ({ attributesMask: "Z".repeat(32) })],
  ["a product number in quotes", () => ({ isvprodid: "2" })],
  ["a level without a security version", () => ({ tcbLevels: [{ tcb: {}, tcbDate: "2026-01-01T00:00:00Z", tcbStatus: "UpToDate" }] })],
  ["a level of a security version beyond two bytes", () => ({ tcbLevels: [level(0x1_0000, "UpToDate")] })],
];

export const quotingEnclaveCases: PlatformFamily = {
  family: "quoting enclave",
  cases: [
    ...report,
    ...status,
    ...malformed.map(([name, change]): PlatformCase => ({
      name: `a signed QE identity with ${name}`,
      fails: SHAPE,
      faults: identity(change),
    })),
  ],
};
