import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalizeXml } from "../../packages/attestation/src/nvidia/canonical-xml.ts";
import { parseXml } from "../../packages/attestation/src/nvidia/xml.ts";
import { noVectors, readVector, vectorPath } from "../support/vectors.ts";
import { xmlDocuments } from "./xml-documents.ts";
import { noXmlsec, runOnFiles } from "./xmlsec.ts";

const canonical = (xml: string) => canonicalizeXml(parseXml(xml));
/** It keeps comments, so it is given none; of several files it writes one text. */
const libxml = (texts: readonly string[]) => runOnFiles("xmllint", ["--c14n11"], texts);

describe.skipIf(noXmlsec)("canonical XML 1.1 as libxml2 writes it", () => {
  it.skipIf(noVectors)("agrees on every recorded manifest", () => {
    const names = readdirSync(vectorPath("nvidia/rims"));
    expect(names.length).toBeGreaterThan(30);
    for (const name of names) {
      const xml = new TextDecoder().decode(readVector(`nvidia/rims/${name}`));
      expect(canonical(xml), name).toBe(libxml([xml]));
    }
  });

  it("agrees on generated documents", () => {
    fc.assert(
      fc.property(fc.array(xmlDocuments({ comments: false }), { minLength: 20, maxLength: 20 }), (texts) => {
        expect(texts.map(canonical).join("")).toBe(libxml(texts));
      }),
      { numRuns: 50 },
    );
  });
});
