import type { PlatformCase, PlatformFamily } from "../platform-case.ts";

const TD15 = { quoteFormat: "v5-td15" } as const;
const EXTENDED = { quoteFormat: "v5-td15-extended" } as const;
const BOUND = "01".repeat(48);

const attributes: readonly (readonly [string, string])[] = [
  ["without SEPT_VE_DISABLE", "0000000000000000"],
  ["with a reserved bit in the second byte", "0001001000000000"],
  ["with a reserved bit in the third byte", "0000801000000000"],
  ["with LASS (bit 27), which this version does not know", "0000001800000000"],
  ["that may be migrated", "0000003000000000"],
  ["with protection keys (PKS)", "0000005000000000"],
  ["with Key Locker (KL)", "0000009000000000"],
  ["with a reserved bit in the upper half", "0000001000000040"],
];

export const tdStateCases: PlatformFamily = {
  family: "TD state",
  cases: [
    { name: "a TD under debug", fails: "td.debug-off", simulator: { debug: true } },
    ...[0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80].map((bit): PlatformCase => ({
      name: `a TD with the reserved debug bit 0x${bit.toString(16)}`,
      fails: "td.debug-off",
      faults: { tdAttributes: `${bit.toString(16).padStart(2, "0")}00001000000000` },
    })),
    ...attributes.map(([name, tdAttributes]): PlatformCase => ({ name: `a TD ${name}`, fails: "td.attributes", faults: { tdAttributes } })),
    { name: "a TD with performance monitoring", faults: { tdAttributes: "0000001000000080" } },
    {
      name: "a TD without SEPT_VE_DISABLE, which the policy allows",
      faults: { tdAttributes: "0000000000000000" },
      allow: { sept_ve_disable_off: true },
    },
    {
      name: "a TD with PKS, where the policy allows only SEPT_VE_DISABLE to be off",
      fails: "td.attributes",
      faults: { tdAttributes: "0000004000000000" },
      allow: { sept_ve_disable_off: true },
    },
    {
      name: "a TD that may be migrated, which the policy allows",
      faults: { tdAttributes: "0000003000000000" },
      allow: { service_td: true },
    },
    ...(
      [
        ["without x87", "e602060000000000"],
        ["without SSE", "e502060000000000"],
        ["of zero", "0000000000000000"],
        ["with MPX", "ef02060000000000"],
        ["with an unknown bit in its low half", "e702160000000000"],
        ["with an unknown bit in its high half", "e702060001000000"],
        ["with its last bit", "e702060000000080"],
      ] as const
    ).map(([name, xfam]): PlatformCase => ({ name: `an XFAM ${name}`, fails: "td.xfam", faults: { xfam } })),
    { name: "the smallest XFAM", faults: { xfam: "0300000000000000" } },
    { name: "an XFAM with AVX-512 and AMX", faults: { xfam: "e700060000000000" } },
    { name: "a TD with a service TD", fails: "td.service-td", simulator: TD15, faults: { mrServiceTd: BOUND } },
    {
      name: "a TD with a service TD, by one bit",
      fails: "td.service-td",
      simulator: TD15,
      faults: { mrServiceTd: `${"00".repeat(47)}80` },
    },
    {
      name: "a TD with a service TD, which the policy allows",
      simulator: TD15,
      faults: { mrServiceTd: BOUND },
      allow: { service_td: true },
    },
    { name: "an extended TD 1.5 report", simulator: EXTENDED },
    { name: "an extended report of a TD with a service TD", fails: "td.service-td", simulator: EXTENDED, faults: { mrServiceTd: BOUND } },
    {
      name: "an extended report whose TD had a service TD at first",
      fails: "td.service-td",
      simulator: EXTENDED,
      faults: { extension: { initialServiceTdHash: BOUND } },
    },
    {
      name: "an extended report whose TD has a service TD by now",
      fails: "td.service-td",
      simulator: EXTENDED,
      faults: { extension: { currentServiceTdHash: BOUND } },
    },
    {
      name: "an extended report with attributes of a service TD",
      fails: "td.service-td",
      simulator: EXTENDED,
      faults: { extension: { currentServiceTdAttributes: "0100000000000000" } },
    },
  ],
};
