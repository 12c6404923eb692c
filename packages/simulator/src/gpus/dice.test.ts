import { describe, expect, it } from "vitest";
import { createKeyPair, createSecretSource } from "../keys.ts";
import { diceExtension } from "./dice.ts";
import { gpuModel } from "./gpu-model.ts";

const FWID = Buffer.alloc(48, 0xf1);
const DIGEST = `303d06096086480165030402020430${"f1".repeat(48)}`;
const key = createKeyPair(createSecretSource("dice"), "device", "P-384");

describe("diceExtension", () => {
  it("is on Hopper a version, the device's own key and the firmware's digest, as in NVIDIA's certificates", () => {
    const der = diceExtension(gpuModel({ arch: "HOPPER" }), key, FWID, false).toString("hex");
    const keyInfo = `3076301006072a8648ce3d020106052b8104002203620004${key.point.toString("hex")}`;
    expect(der.endsWith(`06066781050504010481bd3081ba020101${keyInfo}${DIGEST}`)).toBe(true);
  });

  it("is on Blackwell a TCB info with a place for a second digest, and flags that may say debug", () => {
    const hex = (debug: boolean) => diceExtension(gpuModel({ arch: "BLACKWELL" }), key, FWID, debug).toString("hex");
    expect(hex(false)).toContain(`a67e${DIGEST}303d06096086480165030402020430${"00".repeat(48)}870500800000018801c0890100`);
    expect(hex(true)).toContain("87050090000001");
  });
});
