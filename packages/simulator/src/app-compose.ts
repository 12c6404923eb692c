import { simulatedDigest } from "./machine.ts";

/** The compose document of a simulated app, in dstack's form. It describes what would run; nothing of it runs. */
export function simulatedAppCompose(name: string): string {
  const digest = simulatedDigest("sha256", `${name}: image`).toString("hex");
  const services = [
    "services:",
    "  # SIMULATED: this document is measured, and nothing in it runs",
    "  enclave:",
    `    image: simulator.invalid/bauta/enclave@sha256:${digest}`,
    "    restart: unless-stopped",
    "",
  ].join("\n");
  const document = {
    manifest_version: 2,
    name: `${name} (SIMULATED)`,
    runner: "docker-compose",
    docker_compose_file: services,
    kms_enabled: false,
    gateway_enabled: false,
    public_logs: false,
    public_sysinfo: false,
    allowed_envs: [],
    no_instance_id: false,
    secure_time: false,
  };
  return JSON.stringify(document, null, 2);
}
