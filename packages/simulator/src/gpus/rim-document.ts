import { createHash } from "node:crypto";
import type { RimContents, RimMeasurement } from "../faults/rim-faults.ts";
import type { XmlElement } from "./xml-writer.ts";

const SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
const SHA384 = "http://www.w3.org/2001/04/xmlenc#sha384";
const TCG_RIM = "https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/";
const MAKER = "Bauta Simulator (SIMULATED, not NVIDIA)";
const NEW_ENTRY = "\n        ";
const NEW_PART = "\n    ";

/**
 * A reference integrity manifest in the form of NVIDIA's, without its signature.
 * @see ISO/IEC 19770-2:2015, TCG Reference Integrity Manifest Information Model 1.01
 */
export function rimDocument(contents: RimContents): XmlElement {
  const { version, product, manufacturerId, measurements } = contents;
  return {
    name: "SoftwareIdentity",
    namespaces: [
      ["", SWID],
      ["ns0", SWID],
      ["ns2", SHA384],
    ],
    attributes: [
      ["corpus", "false"],
      ["name", product],
      ["patch", "false"],
      ["supplemental", "false"],
      ["tagId", createHash("sha384").update(`${product} ${version}`).digest("hex")],
      ["version", "1.0"],
      ["tagVersion", "0"],
    ],
    children: [
      NEW_PART,
      {
        name: "ns0:Entity",
        attributes: [
          ["name", MAKER],
          ["role", "softwareCreator tagCreator"],
        ],
      },
      NEW_PART,
      {
        name: "ns0:Meta",
        namespaces: [["ns1", TCG_RIM]],
        attributes: [
          ["colloquialVersion", version],
          ["edition", "GPU"],
          ["product", product],
          ["revision", "r1"],
          ["PayloadType", "direct"],
          ["ns1:BindingSpec", "RIMIM"],
          ["ns1:BindingSpecVersion", "1.01"],
          ["ns1:PlatformManufacturerId", manufacturerId],
          ["ns1:PlatformManufacturerStr", MAKER],
          ["ns1:PlatformModel", product],
          ["ns1:FirmwareManufacturer", MAKER],
          ["ns1:FirmwareManufacturerId", manufacturerId],
        ],
      },
      NEW_PART,
      {
        name: "ns0:Payload",
        namespaces: [["SHA384", SHA384]],
        children: [...measurements.flatMap((measurement) => [NEW_ENTRY, resource(measurement)]), NEW_PART],
      },
      "\n",
    ],
  };
}

function resource({ index, active, values }: RimMeasurement): XmlElement {
  return {
    name: "ns0:Resource",
    attributes: [
      ["type", "Measurement"],
      ["index", String(index)],
      ["active", active ? "True" : "False"],
      ["alternatives", String(values.length)],
      ...values.map((value, alternative) => [`ns2:Hash${alternative}`, value] as const),
      ["name", `Measurement_${index}`],
      ["size", "48"],
    ],
  };
}
