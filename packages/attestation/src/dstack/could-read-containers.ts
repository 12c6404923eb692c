import type { Reader } from "../report/readers.ts";
import { type Part, quoteName, quoteNames, quoteWords, say } from "../report/statement.ts";
import type { ProvenCompose } from "./appraise-dstack.ts";
import type { ComposeService, ServiceReach } from "./compose-service.ts";
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

/** What some settings that are not known to be harmless give away, after their name. */
const SETTINGS: Readonly<Record<string, string>> = {
  env_file: " (variables from files that no measurement covers)",
  hooks: " (commands that run beside its program)",
  post_start: " (commands that run beside its program, privileged where they say so)",
  pre_stop: " (commands that run beside its program, privileged where they say so)",
  security_opt: " (what keeps it apart from the guest is changed)",
  sysctls: " (settings of the guest's kernel)",
  logging: " (its output goes elsewhere)",
  networks: " (a network that this document does not make)",
  extra_hosts: " (where its connections lead)",
  dns: " (where its connections lead)",
  develop: " (files that are copied into it while it runs)",
};

/** Names what the measured compose document lets read a prompt. */
export function containersThatCouldRead(compose: ProvenCompose, runtime: RuntimeCompose | undefined): readonly Reader[] {
  const { services, scripts } = compose;
  return [
    services.length > 0
      ? say(
          "programs",
        )`The programs in the measured compose document, the engine or what stands before it among them: ${namesOf(services)}.`
      : say("programs")`The programs that the measured compose document starts by a script.`,
    ...reachReaders(services),
    ...laterReaders(services, runtime),
    ...(scripts.length > 0
      ? [
          say(
            "guest-scripts",
          )`The measured ${scripts.join(" and ")}: ${scripts.length > 1 ? "they run" : "it runs"} in the guest itself, with access to everything in it${compose.scriptShell ? ", and appears to let people in from outside" : ""}.`,
        ]
      : []),
    ...unknownReaders(compose),
    ...looseReaders(compose),
    ...environmentReaders(compose),
    ...(compose.publicLogs
      ? [say("public-logs")`Anyone on the network, if a program logs what it reads: the app's logs are public (public_logs).`]
      : []),
  ];
}

function namesOf(services: readonly ComposeService[]): readonly Part[] {
  return quoteNames(services.map(({ name }) => name));
}

function reachReaders(services: readonly ComposeService[]): readonly Reader[] {
  const sentences = services
    .filter(({ reach }) => reach.length > 0)
    .map(({ name, reach }) => say("container")`The container ${quoteName(name)}: ${reach.map((kind) => REACH[kind]).join("; ")}.`);
  return sentences.length > MANY_SENTENCES
    ? [
        ...sentences.slice(0, MANY_SENTENCES),
        say("container")`${String(sentences.length - MANY_SENTENCES)} more containers that reach beyond themselves.`,
      ]
    : sentences;
}

function laterReaders(services: readonly ComposeService[], runtime: RuntimeCompose | undefined): readonly Reader[] {
  const starters = services.filter(({ reach }) => reach.includes("docker-socket") || reach.includes("privileged"));
  if (starters.length === 0 && !runtime) return [];
  const who = starters.length > 0 ? namesOf(starters) : ["a compose manager"];
  const said = runtime?.latest.at(-1);
  const last: readonly Part[] = said === undefined ? [] : ["; the last that a compose manager says it did is ", quoteWords(said)];
  return [
    say(
      "later-containers",
    )`Containers that are started later by ${who}: no measurement covers them, so engine and weights are not proven${last}.`,
  ];
}

/** Whatever is not known to be harmless is named: a list of dangers would lack the next one. */
function unknownReaders({ services, unknown }: ProvenCompose): readonly Reader[] {
  const strange = services.filter((service) => service.unknown.length > 0);
  return [
    ...strange
      .slice(0, MANY_SENTENCES)
      .map(
        (service) =>
          say(
            "unknown-settings",
          )`Whoever comes by what the container ${quoteName(service.name)} is given and is not known to be harmless: ${settings(service.unknown)}.`,
      ),
    ...(strange.length > MANY_SENTENCES
      ? [say("unknown-settings")`${String(strange.length - MANY_SENTENCES)} more containers are given what is not known to be harmless.`]
      : []),
    ...(unknown.length > 0
      ? [
          say(
            "unknown-settings",
          )`Whoever comes by what the compose document says beside its services and is not known to be harmless: ${settings(unknown)}.`,
        ]
      : []),
  ];
}

const MAX_SETTINGS = 12;

function settings(unknown: readonly string[]): readonly Part[] {
  const shown = unknown.slice(0, MAX_SETTINGS).flatMap((setting, i): Part[] => {
    const [member = ""] = setting.split(":", 1);
    const words = member !== setting ? MOUNTED : Object.hasOwn(SETTINGS, member) ? (SETTINGS[member] ?? "") : "";
    return [i === 0 ? "" : ", ", quoteName(setting, 96), words];
  });
  return unknown.length > MAX_SETTINGS ? [...shown, ` and ${unknown.length - MAX_SETTINGS} more`] : shown;
}

const MOUNTED = " (what lies there, and who else reaches it, no measurement covers)";

function looseReaders({ services, incomplete }: ProvenCompose): readonly Reader[] {
  const loose = services.filter(({ unpinned }) => unpinned !== undefined);
  const shown = loose
    .slice(0, 16)
    .flatMap(({ name, unpinned }, i): Part[] => [i === 0 ? "" : ", ", quoteName(name), ` (${unpinned ?? ""})`]);
  const more = loose.length > 16 ? ` and ${loose.length - 16} more` : "";
  return [
    ...(loose.length > 0 ? [say("loose-images")`Whoever decides what these services start, since no digest does: ${shown}${more}.`] : []),
    ...(incomplete === undefined
      ? []
      : [say("unnamed-programs")`Programs that the measured compose document does not name: ${incomplete}.`]),
  ];
}

function environmentReaders({ services, allowedEnvs }: ProvenCompose): readonly Reader[] {
  if (allowedEnvs.length === 0) return [];
  const inCode = new Set(services.flatMap(({ variablesInCode }) => variablesInCode));
  const code = allowedEnvs.filter((name) => inCode.has(name) || CODE_VARIABLE.test(name));
  const changing: readonly Part[] =
    code.length > 0 ? ["; of these, ", ...quoteNames(code), " can change what runs or where it is reached"] : [];
  return [
    say(
      "environment",
    )`Whoever sets the app's environment, whose values are not measured and may name other destinations: ${quoteNames(allowedEnvs)}${changing}.`,
  ];
}
