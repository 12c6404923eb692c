import { describe, expect, it } from "vitest";
import { skipUnless } from "../../../../tests/support/vectors.ts";
import { toPem } from "../certificates.ts";
import type { SimulatorFaults } from "../faults.ts";
import { createSimulator } from "../simulator.ts";
import { installed, withFolder } from "../testing/command-line-tools.ts";
import { canonicalXml, writeXml } from "./xml-writer.ts";

const NOW_MS = Date.parse("2026-11-20T12:00:00Z");
const noXmlsec = skipUnless(installed("xmlsec1", "--version"), "xmlsec1", "apt-get install xmlsec1");

/** What xmlsec1, which canonicalises and follows the chain by itself, says about a RIM. */
function verify(which: 0 | 1, faults: SimulatorFaults = {}): Promise<string> {
  const { gpus } = createSimulator({ nowMs: NOW_MS, gpus: {}, faults });
  if (!gpus) throw new Error("no GPUs were simulated");
  return withFolder((folder) => {
    folder.write("root.pem", toPem(gpus.rimRootDer));
    folder.write("rim.xml", gpus.rims[which] ?? "");
    return folder.run("xmlsec1", ["--verify", "--trusted-pem", "root.pem", "--verification-time", "2026-11-20 12:00:00", "rim.xml"]);
  });
}

describe.skipIf(noXmlsec)("xmlsec1", () => {
  it("verifies both RIMs under the simulator's root", async () => {
    for (const which of [0, 1] as const) expect(await verify(which)).toMatch(/^OK/);
  });

  it("verifies a RIM whose texts have to be escaped, and whose parts are out of order", async () => {
    const contents = (rim: { readonly version: string }) => ({ ...rim, version: 'a & b < c > d "e" \t\n\r', product: "é 🔒" });
    expect(await verify(0, { driverRim: { contents: (rim) => ({ ...rim, ...contents(rim) }) } })).toMatch(/^OK/);
  });

  const faults: readonly (readonly [string, SimulatorFaults])[] = [
    ["a changed value", { driverRim: { text: (xml) => xml.replace('active="True"', 'active="False"') } }],
    ["a changed digest", { driverRim: { digest: (digest) => digest.map((byte) => byte ^ 1) } }],
    ["a stranger's signature", { driverRim: { signer: "stranger" } }],
    ["an expired signer", { gpuCertificates: { "rim-signer": { notAfterMs: NOW_MS - 1000 } } }],
    ["a foreign root", { foreignGpuRoots: ["rim-root"] }],
  ];
  for (const [what, fault] of faults) {
    it(`refuses ${what}`, async () => {
      await expect(verify(0, fault)).rejects.toThrow(/FAIL|failed/);
    });
  }
});

describe("canonicalXml", () => {
  it("sorts attributes by namespace, writes no declaration twice, and closes empty elements", () => {
    const element = {
      name: "a",
      namespaces: [
        ["z", "urn:1"],
        ["", "urn:2"],
      ] as const,
      attributes: [
        ["z:b", "2"],
        ["c", "1"],
      ] as const,
      children: [{ name: "b", namespaces: [["z", "urn:1"]] as const }, "x>y"],
    };
    expect(canonicalXml(element)).toBe('<a xmlns="urn:2" xmlns:z="urn:1" c="1" z:b="2"><b></b>x&gt;y</a>');
    expect(writeXml(element)).toBe('<a xmlns:z="urn:1" xmlns="urn:2" z:b="2" c="1"><b xmlns:z="urn:1"/>x&gt;y</a>');
  });

  it("takes along what is declared around an element", () => {
    expect(canonicalXml({ name: "p:a" }, [["p", "urn:1"]])).toBe('<p:a xmlns:p="urn:1"></p:a>');
  });

  it("refuses an attribute whose prefix nothing declares", () => {
    expect(() => canonicalXml({ name: "a", attributes: [["p:b", "1"]] })).toThrow('nothing declares the prefix of "p:b"');
  });
});
