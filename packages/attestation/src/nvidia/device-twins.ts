import { toHex } from "@bauta/protocol";
import type { DeviceAppraisal } from "./appraise-gpu.ts";

/**
 * Finds devices that are there twice. Firmware makes a device a new report certificate when it changes, so the boot ROM's
 * is compared too: one GPU that answers under two firmwares is still one.
 * @returns clauses, none when each device is another one
 */
export function findTwins(devices: readonly DeviceAppraisal[]): string[] {
  const owners = new Map<string, string>();
  const twins = new Map<string, string>();
  for (const { device, chain } of devices) {
    for (const [role, certificate] of chain.certificates.slice(0, 2).entries()) {
      for (const trait of [`${role} serial ${certificate.serial}`, `key ${toHex(certificate.publicKey)}`]) {
        const owner = owners.get(trait);
        if (owner === undefined) owners.set(trait, device);
        else if (owner !== device) twins.set(device, owner);
      }
    }
  }
  return [...twins].map(([device, owner]) => `${device} is ${owner} again`);
}
