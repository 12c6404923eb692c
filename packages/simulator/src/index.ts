export { replay, RUNTIME_EVENT_TYPE, runtimeEvent } from "./event-log.ts";
export type { SimulatorFaults } from "./faults.ts";
export type { CertificateChanges, CertificateRole } from "./faults/certificate-faults.ts";
export type { GpuFaults } from "./faults/gpu-faults.ts";
export type { RevocationListChanges } from "./faults/revocation-faults.ts";
export type { GpuOptions } from "./gpus/gpu-model.ts";
export type { SimulatedGpus } from "./gpus/simulated-gpus.ts";
export { createSimulator, type Simulator, type SimulatorOptions, type SimulatorPolicy, type TdOptions } from "./simulator.ts";
export type { ModuleIdentity, PlatformLevel, QeIdentity, TcbInfo } from "./tcb-documents.ts";
