import { appraiseGpus, parseGpuTrustRoots } from "@bauta/attestation";
import { createSimulator } from "@bauta/simulator";
import { expect, it } from "vitest";

const NOW_MS = Date.UTC(2026, 10, 20, 12);

it("a manifest that several GPUs share is judged, and spoken of, once", async () => {
  const { gpus } = createSimulator({ nowMs: NOW_MS, gpus: { count: 3 } });
  if (!gpus) throw new Error("the simulator made no GPUs");
  const nonce = new Uint8Array(32).fill(7);
  const { findings } = await appraiseGpus({
    payload: await gpus.payload(nonce),
    nonce,
    // One answer of many: most certificates have none, manifests' signers among them.
    endorsements: { rims: gpus.rims, ocsp: (await gpus.ocsp()).slice(0, 1) },
    rules: { allow_hold: false },
    nowMs: NOW_MS,
    roots: parseGpuTrustRoots([gpus.deviceRootDer, gpus.rimRootDer, gpus.nrasRootDer]),
  });
  for (const id of ["gpu.rim-driver", "gpu.rim-vbios"] as const)
    expect(findings.find((finding) => finding.id === id)?.reason).toMatch(/ holds \(SIMULATED\)$/);
  const { status, reason } = findings.find(({ id }) => id === "gpu.revocation") ?? {};
  expect(status).toBe("not-checked");
  expect(reason?.match(/the manifest for driver/g)).toHaveLength(1);
  expect(reason?.match(/the manifest for vbios/g)).toHaveLength(1);
});
