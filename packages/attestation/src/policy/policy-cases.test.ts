import { expect, it } from "vitest";

/** A value of each kind that a policy holds, and what a build needs at least. */
export const register = "Ab".repeat(48);
export const digest = "Cd".repeat(32);
export const build = {
  name: "a",
  source: "release",
  date: "2026-01-31",
  mrtd: register,
  rtmr0: register,
  rtmr1: register,
  rtmr2: register,
  compose_hash: digest,
};

const { compose_hash: _, ...bare } = build;
const byImages = { ...bare, images: [digest] };
const withBuild = (change: object) => ({ version: 1, builds: [{ ...build, ...change }] });
const tcb = (change: object) => ({ version: 1, tcb: change });
const requiring = (...ids: string[]) => ({ version: 1, require: ids });
const many = <T>(count: number, entry: (index: number) => T) => Array.from({ length: count }, (_entry, index) => entry(index));

/** Policies that are accepted. */
export const ACCEPTED: readonly unknown[] = [
  { version: 1 },
  { version: 1, measurements: "any" },
  { version: 1, measurements: "any", builds: [] },
  { version: 1, measurements: "any", require: ["dstack.compose-hash", "gpu.present"] },
  { version: 1, provider: "x", builds: [build, byImages] },
  { version: 1, provider: "\u{1f600}".repeat(1024) },
  { version: 1, builds: many(256, (index) => ({ ...build, name: String(index) })) },
  withBuild({ rtmr3: register, expires: "2027-01-31T12:00:00.5Z", os_image_hash: digest, key_provider: "kms:3059", images: [digest] }),
  withBuild({ expires: "2026-01-31" }),
  withBuild({ date: "2028-02-29T23:59:59Z" }),
  tcb({}),
  tcb({ accept: ["OutOfDate", "UpToDate"], min_evaluation_number: 0, refuse_advisories: ["INTEL-SA-00837"] }),
  tcb({ accept: ["TDRelaunchAdvised"], min_evaluation_number: 0xffff_ffff, refuse_advisories: [] }),
  { version: 1, allow: { debug: true, sept_ve_disable_off: true, service_td: true } },
  { version: 1, allow: {} },
  requiring(),
  requiring("key.exclusive", "weights.named", "image.digests-pinned"),
  { version: 1, require: ["measure.rtmr3"] },
  { version: 1, require: ["measure.rtmr3"], builds: [{ ...build, rtmr3: register }] },
  { version: 1, require: ["td.debug-off"], allow: { debug: false } },
];

/** Policies that are refused, each with the field that the error names. */
export const REFUSED: readonly (readonly [string, unknown])[] = [
  ["(whole)", null],
  ["(whole)", []],
  ["(whole)", "any"],
  ["version", {}],
  ["version", { version: 2 }],
  ["version", { version: "1" }],
  ["biulds", { version: 1, biulds: [] }],
  ["__proto__", JSON.parse('{"version":1,"__proto__":{}}')],
  ["measurements", { version: 1, measurements: "none" }],
  ["measurements", { version: 1, measurements: "any", builds: [build] }],
  ["measurements", { version: 1, measurements: null }],
  ["provider", { version: 1, provider: 1 }],
  ["provider", { version: 1, provider: "" }],
  ["provider", { version: 1, provider: "x".repeat(1025) }],
  ["provider", { version: 1, provider: "x".repeat(4096) }],
  ["builds", { version: 1, builds: {} }],
  ["builds", { version: 1, builds: many(257, () => build) }],
  ["builds[0]", { version: 1, builds: ["a"] }],
  ["builds[1].name", { version: 1, builds: [build, { ...build, name: "" }] }],
  ["builds[0].source", withBuild({ source: ["release"] })],
  ["builds[1].mrtd", { version: 1, builds: [build, { ...build, mrtd: register.slice(2) }] }],
  ["builds[0].rtmr1", withBuild({ rtmr1: `x${register.slice(1)}` })],
  ["builds[0].rtmr2", withBuild({ rtmr2: 7 })],
  ["builds[0].rtmr3", withBuild({ rtmr3: "" })],
  ["builds[0].rtmr4", withBuild({ rtmr4: register })],
  ["builds[0].compose_hash", { version: 1, builds: [bare] }],
  ["builds[0].compose_hash", withBuild({ compose_hash: `sha256:${digest}` })],
  ["builds[0].images", { version: 1, builds: [{ ...bare, images: [] }] }],
  ["builds[0].images[0]", { version: 1, builds: [{ ...bare, images: [`redis@sha256:${digest}`] }] }],
  ["builds[0].images[1]", { version: 1, builds: [{ ...bare, images: [digest, digest] }] }],
  ["builds[0].images", { version: 1, builds: [{ ...bare, images: many(257, (index) => index.toString(16).padStart(64, "0")) }] }],
  ["builds[0].os_image_hash", withBuild({ os_image_hash: register })],
  ["builds[0].key_provider", withBuild({ key_provider: { name: "kms" } })],
  ["builds[0].date", withBuild({ date: "31.1.2026" })],
  ["builds[0].date", withBuild({ date: "2026-13-01" })],
  ["builds[0].expires", withBuild({ expires: "tomorrow" })],
  ["builds[0].expires", withBuild({ expires: "2027-01-31T24:00:00Z" })],
  ["tcb", { version: 1, tcb: "UpToDate" }],
  ["tcb.status", tcb({ status: ["UpToDate"] })],
  ["tcb.accept", tcb({ accept: "UpToDate" })],
  ["tcb.accept", tcb({ accept: [] })],
  ["tcb.accept[1]", tcb({ accept: ["UpToDate", "Revoked"] })],
  ["tcb.accept[0]", tcb({ accept: ["uptodate"] })],
  ["tcb.accept[1]", tcb({ accept: ["UpToDate", "UpToDate"] })],
  ["tcb.min_evaluation_number", tcb({ min_evaluation_number: "18" })],
  ["tcb.min_evaluation_number", tcb({ min_evaluation_number: 1.5 })],
  ["tcb.min_evaluation_number", tcb({ min_evaluation_number: -1 })],
  ["tcb.min_evaluation_number", tcb({ min_evaluation_number: 2 ** 32 })],
  ["tcb.refuse_advisories[0]", tcb({ refuse_advisories: ["intel-sa-00837"] })],
  ["tcb.refuse_advisories[1]", tcb({ refuse_advisories: ["INTEL-SA-00837", "INTEL-SA-00837"] })],
  ["allow", { version: 1, allow: ["debug"] }],
  ["allow.debug", { version: 1, allow: { debug: "yes" } }],
  ["allow.service_td", { version: 1, allow: { service_td: 1 } }],
  ["allow.everything", { version: 1, allow: { everything: true } }],
  ["allow.debug", { version: 1, allow: { debug: true }, require: ["td.debug-off"] }],
  ["allow.unpinned_images", { version: 1, allow: { unpinned_images: true }, require: ["image.digests-pinned"] }],
  ["require", { version: 1, require: "keys.signed" }],
  ["require[0]", requiring("tdx.tcb_status")],
  ["require[0]", { version: 1, require: [7] }],
  ["require[1]", requiring("keys.signed", "keys.signed")],
  ["require[0]", requiring("gpu.bound-to-cpu")],
  ["require[0]", requiring("server.claim")],
  ["require[1]", requiring("keys.signed", "receipt.hashes")],
  ["require[0]", requiring("receipt.signature")],
  ["require[0]", { version: 1, measurements: "any", require: ["measure.rtmr3"] }],
  ["require[1]", { version: 1, measurements: "any", require: ["keys.signed", "dstack.os-image"] }],
  ["builds[1].rtmr3", { version: 1, require: ["measure.rtmr3"], builds: [{ ...build, rtmr3: register }, build] }],
  ["builds[0].key_provider", { version: 1, require: ["dstack.key-provider"], builds: [build] }],
  ["builds[0].os_image_hash", { version: 1, require: ["dstack.os-image"], builds: [build] }],
];

/** What only the parser can refuse: JSON Schema has no words for it. */
export const BEYOND_SCHEMA: readonly (readonly [string, unknown])[] = [
  ["builds[0].date", withBuild({ date: "2026-02-30" })],
  ["builds[0].date", withBuild({ date: "2026-04-31T00:00:00Z" })],
  ["builds[0].expires", withBuild({ expires: "2026-01-30" })],
  ["builds[0].expires", withBuild({ expires: "2027-02-29" })],
  ["builds[0].images[1]", { version: 1, builds: [{ ...bare, images: [digest.toLowerCase(), digest.toUpperCase()] }] }],
];

it("has cases of every kind", () => {
  expect(ACCEPTED.length + REFUSED.length + BEYOND_SCHEMA.length).toBeGreaterThan(80);
});
