import type { ProvenCompose } from "./appraise-dstack.ts";
import type { ComposeService, ServiceReach } from "./compose-service.ts";
import { listed, printable } from "./printable.ts";
import type { RuntimeCompose } from "./runtime-compose.ts";

/** Variables that Docker, Compose and common programs obey wherever they are set: their values can change what runs. */
const CODE_VARIABLE =
  /^(?:COMPOSE_.*|DOCKER_.*|LD_.*|PATH|BASH_ENV|ENV|SHELLOPTS|NODE_OPTIONS|PYTHON.*|PERL5.*|RUBYOPT|JAVA_TOOL_OPTIONS|.*_PROXY)$/i;
const MANY_SENTENCES = 24;

/** What a container's reach means for a prompt, after its name. */
const REACH: Readonly<Record<ServiceReach, string>> = {
  "docker-socket": "it holds docker.sock, so it can start, enter and read every container, also where the socket is mounted read-only",
  "dstack-socket": "it holds dstack's socket, so it can derive the app's keys and have quotes made",
  "app-keys": "it is given the folder in which dstack keeps the app's keys or its decrypted environment",
  "guest-files": "it is given files of the guest, such as processes, logs or other containers' data",
  privileged: "it is privileged and can take over the guest",
  "host-processes": "it shares the guest's process or IPC namespace",
  "host-network": "it shares the guest's network and can listen there",
  "strong-capabilities": "it has capabilities that reach beyond the container",
  devices: "it is given devices of the guest",
  "other-containers": "it shares namespaces or volumes of other containers",
  "debug-shell": "it appears to offer a shell to the outside",
};

/** Names what the measured compose document lets read a prompt. */
export function containersThatCouldRead(compose: ProvenCompose, runtime: RuntimeCompose | undefined): readonly string[] {
  const { services, scripts } = compose;
  return [
    services.length > 0
      ? `The programs in the measured compose document, the engine or what stands before it among them: ${listed(services.map(({ name }) => name))}.`
      : "The programs that the measured compose document starts by a script.",
    ...reachSentences(services),
    ...laterSentences(services, runtime),
    ...(scripts.length > 0
      ? [
          `The measured ${scripts.join(" and ")}: ${scripts.length > 1 ? "they run" : "it runs"} in the guest itself, with access to everything in it${compose.scriptShell ? ", and appears to let people in from outside" : ""}.`,
        ]
      : []),
    ...looseSentences(compose),
    ...environmentSentences(compose),
    ...(compose.publicLogs ? ["Anyone on the network, if a program logs what it reads: the app's logs are public (public_logs)."] : []),
  ];
}

function reachSentences(services: readonly ComposeService[]): readonly string[] {
  const sentences = services
    .filter(({ reach }) => reach.length > 0)
    .map(({ name, reach }) => `The container ${printable(name)}: ${reach.map((kind) => REACH[kind]).join("; ")}.`);
  return sentences.length > MANY_SENTENCES
    ? [...sentences.slice(0, MANY_SENTENCES), `${sentences.length - MANY_SENTENCES} more containers that reach beyond themselves.`]
    : sentences;
}

function laterSentences(services: readonly ComposeService[], runtime: RuntimeCompose | undefined): readonly string[] {
  const starters = services.filter(({ reach }) => reach.includes("docker-socket") || reach.includes("privileged"));
  if (starters.length === 0 && !runtime) return [];
  const who = listed(starters.map(({ name }) => name)) || "a compose manager";
  const said = runtime?.latest.at(-1);
  const last = said === undefined ? "" : `; the last that a compose manager says it did is ${said}`;
  return [`Containers that are started later by ${who}: no measurement covers them, so engine and weights are not proven${last}.`];
}

function looseSentences({ services, incomplete }: ProvenCompose): readonly string[] {
  const loose = services.filter(({ unpinned }) => unpinned !== undefined).map(({ name, unpinned }) => `${printable(name)} (${unpinned})`);
  return [
    ...(loose.length > 0
      ? [
          `Whoever decides what these services start, since no digest does: ${loose.slice(0, 16).join(", ")}${loose.length > 16 ? ` and ${loose.length - 16} more` : ""}.`,
        ]
      : []),
    ...(incomplete === undefined ? [] : [`Programs that the measured compose document does not name: ${incomplete}.`]),
  ];
}

function environmentSentences({ services, allowedEnvs }: ProvenCompose): readonly string[] {
  if (allowedEnvs.length === 0) return [];
  const inCode = new Set(services.flatMap(({ variablesInCode }) => variablesInCode));
  const code = allowedEnvs.filter((name) => inCode.has(name) || CODE_VARIABLE.test(name));
  const changing = code.length > 0 ? `; of these, ${listed(code)} can change what runs or where it is reached` : "";
  return [
    `Whoever sets the app's environment, whose values are not measured and may name other destinations: ${listed(allowedEnvs)}${changing}.`,
  ];
}
