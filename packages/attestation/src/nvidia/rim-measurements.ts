import { type XmlElement, XmlError } from "./xml-element.ts";

const SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
/** The namespace of the hash attributes, which names their algorithm. */
const SHA384 = "http://www.w3.org/2001/04/xmlenc#sha384";
/** A measurement report counts its blocks in one byte. */
const MAX_INDEX = 253;
const MAX_ALTERNATIVES = 32;
const INDEX = /^(?:0|[1-9]\d{0,2})$/;
const SHA384_HEX = /^[\dA-Fa-f]{96}$/;

/** A signed document that is not a reference manifest as NVIDIA writes them. */
class RimError extends XmlError {
  override readonly name = "RimError";
  override readonly code = "rim_malformed";
}

/** What one block of a device's report may hold. */
export interface ReferenceMeasurement {
  /** Only then does it say anything. */
  readonly active: boolean;
  /** Any of these, SHA-384 in lower-case hex. */
  readonly values: readonly string[];
}

/** What a reference manifest says. */
export interface Rim {
  /** "driver" or "vbios" by the form of its version: the document does not say it in any other way. */
  readonly kind: "driver" | "vbios";
  /** Of the driver, as 550.144.03, or of the firmware, as 96.00.5E.00.01 in upper case. */
  readonly version: string;
  /** The chip, as GH100. */
  readonly product: string;
  /** GPU or SWITCH. */
  readonly edition: string;
  /** By index, which is one less than the index of the report's block. */
  readonly measurements: ReadonlyMap<number, ReferenceMeasurement>;
}

/**
 * Reads a reference manifest out of the part of a document that a signature was found to cover.
 * @throws RimError
 * @see ISO/IEC 19770-2:2015, TCG Reference Integrity Manifest Information Model 1.01
 */
export function parseRim(content: XmlElement): Rim {
  if (!isSwid(content, "SoftwareIdentity")) throw new RimError("not a SoftwareIdentity document");
  const meta = onlyChild(content, "Meta");
  const version = readText(meta, "colloquialVersion").toUpperCase();
  const kind = /^(?:[\dA-F]{2}\.){4}[\dA-F]{2}$/.test(version) ? "vbios" : "driver";
  if (kind === "driver" && !/^\d{1,5}(?:\.\d{1,5}){1,3}$/.test(version)) throw new RimError("a version of neither a driver nor a VBIOS");
  const measurements = readMeasurements(onlyChild(content, "Payload"));
  if (![...measurements.values()].some(({ active }) => active)) throw new RimError("no active measurement: it would fit any device");
  return { kind, version, product: readText(meta, "product"), edition: readText(meta, "edition"), measurements };
}

function readMeasurements(payload: XmlElement): ReadonlyMap<number, ReferenceMeasurement> {
  const measurements = new Map<number, ReferenceMeasurement>();
  for (const resource of elementsOf(payload)) {
    // What is not understood might be something to be checked.
    if (!isSwid(resource, "Resource") || valueOf(resource, "type") !== "Measurement")
      throw new RimError("something else than measurements in the payload");
    const index = Number.parseInt(matching(resource, "index", INDEX), 10);
    if (index > MAX_INDEX) throw new RimError(`measurement ${index}: an index that no report has`);
    if (measurements.has(index)) throw new RimError(`measurement ${index} twice`);
    measurements.set(index, readMeasurement(resource, index));
  }
  return measurements;
}

/** The values are Hash0 to the number of alternatives less one, and there are no others. */
function readMeasurement(resource: XmlElement, index: number): ReferenceMeasurement {
  const active = valueOf(resource, "active");
  const count = Number.parseInt(matching(resource, "alternatives", INDEX), 10);
  const values = Array.from({ length: Math.min(count, MAX_ALTERNATIVES) }, (_, number) => valueOf(resource, `Hash${number}`, SHA384) ?? "");
  const hashes = resource.attributes.filter(({ namespace }) => namespace === SHA384);
  if (active !== "True" && active !== "False") throw new RimError(`measurement ${index} is neither active nor not`);
  if (count === 0 || hashes.length !== count || !values.every((value) => SHA384_HEX.test(value)) || valueOf(resource, "size") !== "48")
    throw new RimError(`measurement ${index} has other values than SHA-384 hashes from 0 to ${count - 1}`);
  return { active: active === "True", values: values.map((value) => value.toLowerCase()) };
}

function elementsOf(parent: XmlElement): XmlElement[] {
  return parent.children.filter((child) => typeof child !== "string");
}

function onlyChild(parent: XmlElement, local: string): XmlElement {
  const [child, ...more] = elementsOf(parent).filter((element) => isSwid(element, local));
  if (!child || more.length > 0) throw new RimError(`${more.length + (child ? 1 : 0)} elements ${local}, not 1`);
  return child;
}

function isSwid({ namespace, local }: XmlElement, name: string): boolean {
  return namespace === SWID && local === name;
}

function valueOf(element: XmlElement, local: string, namespace = ""): string | undefined {
  return element.attributes.find((attribute) => attribute.local === local && attribute.namespace === namespace)?.value;
}

function readText(element: XmlElement, local: string): string {
  return matching(element, local, /^[\x21-\x7e]{1,64}$/);
}

function matching(element: XmlElement, local: string, pattern: RegExp): string {
  const value = valueOf(element, local) ?? "";
  if (!pattern.test(value)) throw new RimError(`${element.local} has no ${local}, or a malformed one`);
  return value;
}
