import { extension, publicKeyInfo } from "../certificates.ts";
import { explicit, implicit, integer, octetString, oid, sequence, utf8String } from "../der-writer.ts";
import type { SigningKeyPair } from "../keys.ts";
import type { GpuModel } from "./gpu-model.ts";

const SHA384 = "2.16.840.1.101.3.4.2.2";
const VENDOR = "Bauta Simulator";
const NO_FWID = Buffer.alloc(48);
/** Operational flags: a BIT STRING whose fourth bit says that the device started under debug. */
const FLAGS = { normal: "0080000001", debug: "0090000001" } as const;

/**
 * The extension of a report certificate that names the firmware behind its key: on Hopper TCG's older composite device
 * identifier with the device's own key, on Blackwell a TCB info.
 * @param fwid SHA-384, 48 bytes
 * @param debug whether the device started under debug; Hopper's form cannot say it
 * @see TCG DICE Attestation Architecture §6.1.1, TCG DICE Certificate Profiles
 */
export function diceExtension(model: GpuModel, device: SigningKeyPair, fwid: Uint8Array, debug: boolean): Buffer {
  const digest = (value: Uint8Array) => sequence(oid(SHA384), octetString(value));
  if (model.arch === "HOPPER") return extension("2.23.133.5.4.1", sequence(integer(1), publicKeyInfo(device), digest(fwid)));
  return extension(
    "2.23.133.5.4.1.1",
    sequence(
      implicit(0, Buffer.from(VENDOR)),
      implicit(1, Buffer.from(`${model.chip} ${model.stepping} GSP`)),
      implicit(2, Buffer.from("01")),
      implicit(3, Buffer.of(1)),
      implicit(4, Buffer.of(0)),
      implicit(5, Buffer.of(0)),
      explicit(6, digest(fwid), digest(NO_FWID)),
      implicit(7, Buffer.from(debug ? FLAGS.debug : FLAGS.normal, "hex")),
      implicit(8, Buffer.of(0xc0)),
      implicit(9, Buffer.of(0)),
    ),
  );
}

/** The subject alternative name of a report certificate: vendor, chip and serial number in DMTF's form. @see DMTF DSP0274 §10.6.3 */
export function deviceInfo(model: GpuModel, serial: string): Buffer {
  const text = utf8String(`${VENDOR.replace(" ", "-")}:${model.chip}:${serial}`);
  return extension("2.5.29.17", sequence(explicit(0, oid("1.3.6.1.4.1.412.274.1"), explicit(0, text))));
}
