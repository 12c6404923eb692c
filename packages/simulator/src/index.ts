export { replay, RUNTIME_EVENT_TYPE, runtimeEvent } from "./event-log.ts";
export type { CertificateFault, SimulatorFaults } from "./faults.ts";
export { createSimulator, type Simulator, type SimulatorOptions, type SimulatorPolicy } from "./simulator.ts";
