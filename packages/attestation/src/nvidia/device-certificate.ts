import { DerError, readBody, readElement, readMagnitude, readOid, readSequence } from "../x509/der.ts";
import { asCertificateError, type Certificate } from "../x509/x509.ts";
import type { Architecture } from "./rim-identifier.ts";

/** OIDs as encoded. */
const OID = {
  /** 2.23.133.5.4.1: on Hopper and its switches TCG's older composite device identifier stands here. */
  compositeDeviceId: "678105050401",
  /** 2.23.133.5.4.1.1: on Blackwell a TCB info. */
  tcbInfo: "67810505040101",
  /** 2.16.840.1.101.3.4.2.2 */
  sha384: "608648016503040202",
} as const;
const OCTET_STRING = 0x04;
/** Members of a TCB info: fwids [6], flags [7]. */
const FWIDS = 0xa6;
const FLAGS = 0x87;
const MAX_TCB_MEMBERS = 16;
const MAX_FWIDS = 8;
const FWID_BYTES = 48;
/** Bit 3 of the flags, counted from the first. */
const DEBUG = 0x10;

/** Chip, stepping and security processor stand in a device's names: `GH100 A01 GSP FMC LF` is certified by `GH100 A01 GSP BROM`. */
const REPORT_SIGNER = /^((G[HB][0-9A-Z]{3}|LS_10) [A-Z]\d\d [A-Z]{3,4}) FMC LF$/;
const FAMILY = /^NVIDIA [A-Z0-9_]{4,8} Identity$/;

/** What the names of a device's certificates say. */
export interface DeviceNames {
  /** GH100, GB100, LS_10 … */
  readonly chip: string;
  readonly architecture: Architecture;
  /** NVIDIA's name for the model: that of the boot ROM's certificate. */
  readonly model: string;
}

/**
 * Reads the roles of a device's certificates from their names: report signer, boot ROM, provisioner, family. They must be
 * of one chip, but for the family: switches are of Hopper's.
 * @returns a clause instead for the first name that does not belong where it stands
 */
export function readDeviceNames(names: readonly string[]): DeviceNames | string {
  const [signer = "", device = "", provisioner = "", family = ""] = names;
  const [, model, chip] = REPORT_SIGNER.exec(signer) ?? [];
  if (!model || !chip) return "the first certificate is by its name no report signer's";
  if (device !== `${model} BROM`) return "the second certificate is by its name not the same chip's boot ROM's";
  if (!new RegExp(`^NVIDIA ${chip} Provisioner ICA \\d{1,8}$`).test(provisioner))
    return "the third certificate is by its name not the chip's provisioner's";
  if (!FAMILY.test(family)) return "the fourth certificate is by its name no chip family's";
  return { chip, architecture: chip.startsWith("LS") ? "switch" : chip.startsWith("GB") ? "blackwell" : "hopper", model: device };
}

/** What a report signer's certificate says about the firmware that holds its key. */
export interface CertifiedFirmware {
  /** SHA-384 digests, at least one; which the report has to name one of. */
  readonly fwids: readonly Uint8Array<ArrayBuffer>[];
  /** The certificate's own word that the device could be debugged when it started. Hopper's certificates do not speak of it. */
  readonly debug: boolean;
}

/**
 * Reads the DICE extension of a report signer's certificate.
 * @throws CertificateError where it is missing, malformed, or there twice
 * @see TCG DICE Attestation Architecture 1.1 §6.1.1 (TCB info), RIoT core: composite device identifier
 */
export function readCertifiedFirmware({ extensions }: Certificate): CertifiedFirmware {
  return asCertificateError("DICE extension", () => {
    const [composite, tcbInfo] = [extensions.get(OID.compositeDeviceId), extensions.get(OID.tcbInfo)];
    if (composite && tcbInfo) throw new DerError("two forms of it");
    const firmware = composite ? readCompositeDeviceId(composite) : readTcbInfo(tcbInfo ?? new Uint8Array());
    // Unused places are filled with zeros; no firmware has such a digest.
    const fwids = firmware.fwids.filter((fwid) => fwid.some((byte) => byte !== 0));
    if (fwids.length === 0) throw new DerError("no firmware identity");
    return { ...firmware, fwids };
  });
}

/** SEQUENCE { version, the device's own key, FWID } */
function readCompositeDeviceId(value: Uint8Array<ArrayBuffer>): CertifiedFirmware {
  const [version, , fwid] = readSequence(readElement(value), 3);
  readMagnitude(version);
  return { fwids: [readFwid(fwid)], debug: false };
}

function readTcbInfo(value: Uint8Array<ArrayBuffer>): CertifiedFirmware {
  const members = readSequence(readElement(value), 1, MAX_TCB_MEMBERS);
  const member = (tag: number) => {
    const [found, ...more] = members.filter((element) => element.tag === tag);
    if (more.length > 0) throw new DerError("a member twice");
    return found;
  };
  const flags = member(FLAGS);
  const [unused = 8, first = 0] = flags ? readBody(flags, FLAGS) : [0];
  if (unused > 7) throw new DerError("malformed flags");
  return {
    fwids: readSequence(member(FWIDS), 1, MAX_FWIDS, FWIDS).map((fwid) => readFwid(fwid)),
    debug: (first & DEBUG) !== 0,
  };
}

function readFwid(of: Parameters<typeof readSequence>[0]): Uint8Array<ArrayBuffer> {
  const [algorithm, digest] = readSequence(of, 2);
  const fwid = readBody(digest, OCTET_STRING);
  if (readOid(algorithm) !== OID.sha384 || fwid.length !== FWID_BYTES) throw new DerError("a firmware identity that is not SHA-384");
  return fwid;
}
