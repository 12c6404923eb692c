import type { DstackInfo } from "../evidence/evidence.ts";
import type { Build } from "../policy/policy.ts";
import { failed, type Finding, notChecked, passed } from "../result.ts";
import type { BootRecord } from "./boot-record.ts";

const ID = "dstack.os-image";
const WORD = "that is the key provider's word, not a measurement of this TD: pin MRTD and RTMR0-2 as well";

/** Compares the event `os-image-hash` with the build's. */
export function verifyOsImage(boot: BootRecord | undefined, build: Build | undefined, info: DstackInfo | undefined): Finding {
  if (!boot) return notChecked(ID, "not checked: no replayed event log proves an OS image hash (eventlog.replay)");
  const actual = boot.osImageHash;
  const expected = build?.os_image_hash?.toLowerCase();
  if (info?.contradictions?.includes("os_image_hash")) return failed(ID, "the answer states two different values of os_image_hash");
  if (actual === undefined) {
    return expected === undefined
      ? notChecked(ID, "the boot has no event os-image-hash, as without a key management service")
      : failed(ID, `build "${build?.name}" names an OS image, and the boot has no event os-image-hash`);
  }
  const detail = { actual, ...(expected !== undefined && { expected }) };
  const stated = info?.os_image_hash?.toLowerCase().replace(/^0x/, "");
  if (stated !== undefined && stated !== "" && stated !== actual)
    return failed(ID, "the answer states another os_image_hash than the measured event", detail);
  if (build === undefined || expected === undefined)
    return notChecked(ID, `the event os-image-hash names an image, and no build does; ${WORD}`, detail);
  return expected === actual
    ? passed(ID, `the event os-image-hash names the image of build "${build.name}"; ${WORD}`, detail)
    : failed(ID, `the event os-image-hash names another image than build "${build.name}"`, detail);
}
