export { replay, RUNTIME_EVENT_TYPE, runtimeEvent } from "./event-log.ts";
export type { SimulatorFaults } from "./faults.ts";
export type { CertificateChanges, CertificateRole } from "./faults/certificate-faults.ts";
export type { RevocationListChanges } from "./faults/revocation-faults.ts";
export { createSimulator, type Simulator, type SimulatorOptions, type SimulatorPolicy, type TdOptions } from "./simulator.ts";
export type { ModuleIdentity, PlatformLevel, QeIdentity, TcbInfo } from "./tcb-documents.ts";
