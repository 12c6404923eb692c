import type { GpuClaim } from "@bauta/attestation";
import { printableLine } from "@bauta/client";
import { showHeading } from "./show-checks.ts";
import { showFact } from "./show-fact.ts";
import type { Terminal } from "./terminal.ts";

/** GPUs that differ in their UEID alone, with their places in the evidence. */
interface GpuKind extends Pick<GpuClaim, "model" | "arch" | "driver" | "vbios" | "mode"> {
  readonly gpus: readonly { readonly index: number; readonly ueid: string }[];
}

/** The GPUs that are proven: those of a kind together, since a machine's are mostly of one. */
export function showGpus(terminal: Terminal, gpus: readonly GpuClaim[]): void {
  if (gpus.length === 0) return;
  terminal.line();
  showHeading(terminal, "GPUs, proven", String(gpus.length));
  for (const kind of sortByKind(gpus)) {
    showFact(terminal, "model", [`${kind.gpus.length} × ${kind.model} (${kind.arch})`]);
    showFact(terminal, "driver", [kind.driver ?? "not said"]);
    showFact(terminal, "VBIOS", [kind.vbios ?? "not said"]);
    showFact(terminal, "mode", [kind.mode ?? "not said"]);
    showFact(
      terminal,
      "UEID",
      kind.gpus.map(({ index, ueid }) => `${index}: ${ueid}`),
    );
  }
}

/** A line for each kind of GPU. */
export function summariseGpus(gpus: readonly GpuClaim[]): string[] {
  return sortByKind(gpus).map(({ gpus: { length }, model, driver, vbios, mode }) =>
    printableLine([`${length} × ${model}`, driver && `driver ${driver}`, vbios && `VBIOS ${vbios}`, mode].filter(Boolean).join(", ")),
  );
}

function sortByKind(gpus: readonly GpuClaim[]): GpuKind[] {
  const kinds = new Map<string, GpuKind>();
  for (const [index, { ueid, ...kind }] of gpus.entries()) {
    const name = JSON.stringify([kind.model, kind.arch, kind.driver, kind.vbios, kind.mode]);
    kinds.set(name, { ...kind, gpus: [...(kinds.get(name)?.gpus ?? []), { index, ueid }] });
  }
  return [...kinds.values()];
}
