import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSimulator } from "@bauta/simulator";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noVectors, vectorPath } from "../../../tests/support/vectors.ts";
import { createGpuDirectory } from "./gpu-directory.ts";
import { loadGpuEndorsements } from "./gpu-files.ts";

const simulator = createSimulator({ nowMs: Date.parse("2026-06-01T00:00:00Z"), gpus: { count: 2 } });
const { gpus } = simulator;
if (!gpus) throw new Error("the simulator has GPUs");
const [driver = "", vbios = ""] = gpus.rims;
const ocsp = await gpus.ocsp();
const [answer = new Uint8Array()] = ocsp;
const opinion = await gpus.nras(new Uint8Array(32));
const rimAnswer = (xml: string) =>
  JSON.stringify({ id: "NV_X", rim: Buffer.from(xml).toString("base64"), sha256: createHash("sha256").update(xml).digest("hex") });

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "bauta-gpu-files-"));
});
afterEach(() => rm(path, { recursive: true, force: true }));
const save = async (files: Readonly<Record<string, string | Uint8Array>>) => {
  for (const [name, contents] of Object.entries(files)) await writeFile(join(path, name), contents);
};
const load = async (name = "") => {
  const { endorsements, problems } = await loadGpuEndorsements(join(path, name));
  return { endorsements, problems: problems.map(({ field, problem }) => `${field.replace(path, "")}: ${problem}`) };
};

describe("loadGpuEndorsements", () => {
  it("tells by contents what a folder's files are, and passes over the rest", async () => {
    await save({
      "driver.swidtag": driver,
      "answer of the service": rimAnswer(vbios),
      "provisioner.ocsp": answer,
      "family.der": ocsp[1] ?? "",
      "nras.json": JSON.stringify(opinion.answer),
      "jwks.json": JSON.stringify(opinion.jwks),
      "crl.der": Buffer.from(simulator.collateral.root_ca_crl, "hex"),
      "collateral.json": JSON.stringify(simulator.collateral),
      "page.xml": "<html/>",
      "notes.txt": "{",
      "picture.png": Uint8Array.of(0x89, 0x50, 0xff),
    });
    await mkdir(join(path, "folder"));
    const { endorsements, problems } = await load();
    expect(problems).toEqual([]);
    expect(endorsements?.rims.toSorted()).toEqual([driver, vbios].toSorted());
    expect(endorsements?.ocsp.map((der) => Buffer.from(der)).toSorted(Buffer.compare)).toEqual(
      [answer, ocsp[1] ?? answer].map((der) => Buffer.from(der)).toSorted(Buffer.compare),
    );
    expect(endorsements?.nras).toEqual({ token: opinion.answer, jwks: opinion.jwks });
  });

  it("reads what an attestation answer brings along, what our own store keeps, and one manifest with a byte order mark", async () => {
    const texts = ocsp.map((der) => Buffer.from(der).toString("base64"));
    await save({ "answer.json": JSON.stringify({ intel_quote: "00", gpu_endorsements: { rims: gpus.rims, ocsp: texts } }) });
    expect(await load("answer.json")).toEqual({
      endorsements: { rims: gpus.rims, ocsp },
      problems: [],
    });

    const store = createGpuDirectory(join(path, "store"));
    await store.put("rim/h/NV_X", { text: driver, fetchedMs: 1 });
    await store.put("ocsp/h/00", { text: texts[0] ?? "", fetchedMs: 1 });
    await store.put("jwks/h", { text: JSON.stringify(opinion.jwks), fetchedMs: 1 });
    expect(await load("store")).toEqual({ endorsements: { rims: [driver], ocsp: [answer] }, problems: [] });

    await save({ "marked.xml": `\ufeff${driver}` });
    expect((await load("marked.xml")).endorsements?.rims).toEqual([driver]);
  });

  it("holds nothing where there is nothing, also in an empty folder", async () => {
    await mkdir(join(path, "empty"));
    await save({ "text.xml": "<html/>", "number.json": "5", "null.json": "null", "list.json": "[]", "cut.der": Uint8Array.of(0x30) });
    for (const name of ["empty", "text.xml", "number.json", "null.json", "list.json", "cut.der"])
      expect(await load(name)).toEqual({ endorsements: undefined, problems: [] });
    await expect(load("nowhere")).rejects.toThrow("does not exist");
  });

  const broken: [string, string, string | Uint8Array, string][] = [
    ["a file named as a manifest", "a.rim", "hello", "is neither a manifest (XML) nor an OCSP answer (DER)"],
    ["a file named as an OCSP answer", "a.ocsp", Uint8Array.of(0x30, 0x82, 0xff), "is neither"],
    ["a manifest in no base64", "a.json", '{"id":"NV_X","rim":"<a/>"}', '"rim" is not base64'],
    ["an empty manifest", "a.json", '{"id":"NV_X","rim":""}', '"rim" is not base64'],
    ["endorsements of another form", "a.json", '{"gpu_endorsements":{"rims":"x"}}', "rims and ocsp are not lists"],
    ["an OCSP answer in no base64", "a.json", '{"gpu_endorsements":{"ocsp":["-"]}}', "is not base64"],
    [
      "an OCSP answer that is too long",
      "a.der",
      Buffer.concat([Uint8Array.of(0x30, 0x82, 0x60, 0, 0x0a, 1, 0), Buffer.alloc(20_000)]),
      "more than 16384",
    ],
  ];
  it.each(broken)("names %s, and reads the others", async (_what, name, contents, words) => {
    await save({ [name]: contents, "driver.xml": driver });
    const { endorsements, problems } = await load();
    expect(endorsements?.rims).toEqual([driver]);
    expect(problems).toEqual([expect.stringContaining(words)]);
    expect(problems[0]).toMatch(new RegExp(`^.${name.replace(".", "\\.")}: `));
  });

  it("does not guess which answer of NRAS is meant, or what its keys are", async () => {
    await save({ "nras.json": JSON.stringify(opinion.answer), "driver.xml": driver });
    expect(await load()).toMatchObject({ endorsements: { rims: [driver] }, problems: [expect.stringContaining("without its key set")] });
    await save({ "jwks.json": JSON.stringify(opinion.jwks), "other.json": JSON.stringify(opinion.answer) });
    const { endorsements, problems } = await load();
    expect(endorsements?.nras).toBeUndefined();
    expect(problems).toEqual([expect.stringContaining("2 answers of NRAS")]);
    await rm(join(path, "other.json"));
    await save({ "other keys.json": JSON.stringify(opinion.jwks) });
    expect((await load()).problems).toEqual([expect.stringContaining("several key sets")]);
  });

  it("says that it takes no more manifests than an appraisal looks at", async () => {
    await save(Object.fromEntries(Array.from({ length: 66 }, (_, i) => [`${i}.xml`, `<SoftwareIdentity n="${i}"/>`])));
    const { endorsements, problems } = await load();
    expect(endorsements?.rims).toHaveLength(64);
    expect(problems).toEqual([expect.stringContaining("holds 66 manifests, of which the first 64 are used")]);
  });

  it.skipIf(noVectors)("reads all recorded manifests, and NRAS's opinion out of a capture", async () => {
    const recorded = await loadGpuEndorsements(vectorPath("nvidia/rims"));
    expect(recorded.endorsements?.rims.length).toBeGreaterThan(20);
    expect(recorded.problems).toEqual([]);
    const capture = await loadGpuEndorsements(vectorPath("venice-2026-04-24"));
    expect(capture).toMatchObject({
      endorsements: { rims: [], ocsp: [], nras: { jwks: { keys: expect.any(Array) as unknown[] } } },
      problems: [],
    });
  });
});
