import { type ComposeMount, isTrue, items, mountReach, readMounts, scalar } from "./compose-mount.ts";
import { unknownOptions } from "./compose-harmless.ts";
import { isList, isYamlMap, type YamlMap, type YamlValue } from "./compose-yaml.ts";

/** `name[:tag]@sha256:digest`, the only reference that names bytes. No variable fits in it. */
const PINNED = /^[a-z0-9][a-zA-Z0-9._:/-]*@sha256:([0-9a-f]{64})$/;
/** Programs that let somebody from outside run commands. */
const SHELL = /\b(?:sshd|dropbear|ttyd|gotty|wetty|tmate|sshx|code-server|jupyter|jupyterlab|webssh|telnetd)\b/i;
const STRONG_CAPABILITY =
  /^(?:CAP_)?(?:ALL|SYS_ADMIN|SYS_PTRACE|SYS_MODULE|SYS_RAWIO|DAC_READ_SEARCH|DAC_OVERRIDE|NET_ADMIN|BPF|PERFMON)$/i;

/** What a container can do beyond itself. */
export type ServiceReach =
  | "docker-socket"
  | "dstack-socket"
  | "app-keys"
  | "guest-files"
  | "privileged"
  | "host-processes"
  | "host-network"
  | "strong-capabilities"
  | "devices"
  | "other-containers"
  | "debug-shell";

/** One service of a measured compose file. Every text in it is the app's own. */
export interface ComposeService {
  readonly name: string;
  /** The reference as written. */
  readonly image?: string;
  /** SHA-256 of the image that it starts, 64 hex digits, where the reference names one. */
  readonly digest?: string;
  /** Why it is not known from the document what this service starts. */
  readonly unpinned?: string;
  readonly mounts: readonly ComposeMount[];
  readonly ports: readonly string[];
  readonly reach: readonly ServiceReach[];
  /** What else it is given that is not known to be harmless: members by name, mounts as `volumes:path`. */
  readonly unknown: readonly string[];
  /** Variables, set from outside, in members that decide what runs: image, command, mounts and the like. */
  readonly variablesInCode: readonly string[];
  /** Variables, set from outside, elsewhere. */
  readonly variables: readonly string[];
}

/** Reads one service. */
export function readService(name: string, service: YamlMap, top: YamlMap): ComposeService {
  const image = scalar(service.get("image"));
  const digest = PINNED.exec(image)?.[1];
  const unpinned = unpinnedReason(service, image, digest);
  const mounts = readMounts(service, top);
  const inCode = new Set<string>();
  const elsewhere = new Set<string>();
  for (const [member, value] of service) collectVariables(value, PLAIN_MEMBERS.has(member) ? elsewhere : inCode);
  for (const definition of usedDefinitions(service, top)) {
    collectVariables(definition, inCode);
    // A file whose whole content is a variable's value.
    const content = isYamlMap(definition) ? scalar(definition.get("environment")) : "";
    if (/^[A-Za-z_]\w*$/.test(content)) inCode.add(content);
  }
  const { reach, members } = readReach(service, mounts, image);
  return {
    name,
    ...(image !== "" && { image }),
    ...(digest !== undefined && { digest }),
    ...(unpinned !== undefined && { unpinned }),
    mounts,
    ports: items(service.get("ports")).map(portText),
    reach,
    unknown: unknownOptions(service, top, (member) => members.has(member)),
    variablesInCode: [...inCode],
    variables: [...elsewhere].filter((variable) => !inCode.has(variable)),
  };
}

/** Members in which a variable changes what a program is told, not which program runs. */
const PLAIN_MEMBERS: ReadonlySet<string> = new Set([
  "environment",
  "labels",
  "ports",
  "hostname",
  "container_name",
  "extra_hosts",
  "logging",
]);

function unpinnedReason(service: YamlMap, image: string, digest: string | undefined): string | undefined {
  if (service.has("extends")) return "it extends a service that is defined elsewhere";
  if (service.has("build")) return "it is built on the machine";
  if (service.has("provider")) return "a provider program of Compose starts it";
  if (items(service.get("volumes")).some(isImageMount)) return "it is given the files of another image";
  if (image === "") return "it names no image";
  if (digest !== undefined) return undefined;
  return /\$/.test(image) ? "a variable decides on its image" : "its image is not pinned by digest";
}

/** `type: image` puts an image's files into a container that runs another one. */
function isImageMount(volume: YamlValue): boolean {
  return isYamlMap(volume) && /^image$|\$/i.test(scalar(volume.get("type")));
}

/** What a service reaches by what is known to be dangerous, and the members that it does so by. */
interface Reach {
  readonly reach: readonly ServiceReach[];
  readonly members: ReadonlySet<string>;
}

function readReach(service: YamlMap, mounts: readonly ComposeMount[], image: string): Reach {
  const reach = new Set<ServiceReach>();
  const members = new Set<string>();
  const add = (kind: ServiceReach, ...by: readonly string[]) => {
    reach.add(kind);
    for (const member of by) members.add(member);
  };
  for (const mount of mounts) {
    const reached = mountReach(mount);
    if (reached.includes("docker")) reach.add("docker-socket");
    if (reached.includes("dstack")) reach.add("dstack-socket");
    if (reached.includes("keys")) reach.add("app-keys");
    if (reached.includes("guest")) reach.add("guest-files");
  }
  if (isTrue(service.get("privileged"))) add("privileged", "privileged");
  if (isTrue(service.get("use_api_socket"))) members.add("use_api_socket");
  const of = (member: string) => scalar(service.get(member));
  const namespaces = ["pid", "ipc", "userns_mode", "cgroup", "uts"];
  const foreign = namespaces.filter((member) => isForeign(of(member)));
  if (foreign.length > 0) add("host-processes", ...foreign);
  if (isForeign(of("network_mode"))) add("host-network", "network_mode");
  const others = [...namespaces, "network_mode"].filter((member) => /^(?:service|container):/.test(of(member)));
  if (others.length > 0) add("other-containers", ...others);
  if (service.has("volumes_from")) add("other-containers", "volumes_from");
  if (items(service.get("cap_add")).some((value) => STRONG_CAPABILITY.test(scalar(value)) || scalar(value).includes("$")))
    add("strong-capabilities", "cap_add");
  const devices = ["devices", "device_cgroup_rules"].filter((member) => items(service.get(member)).length > 0);
  if (devices.length > 0) add("devices", ...devices);
  const words = [image, ...texts(service.get("command")), ...texts(service.get("entrypoint"))].join(" ");
  if (hasShell(words) || items(service.get("ports")).some((port) => /(?:^|:)22(?:\/tcp)?$/.test(portText(port)))) reach.add("debug-shell");
  return { reach: [...reach], members };
}

/** True when a text starts a program that lets somebody from outside run commands. */
export function hasShell(text: string): boolean {
  return SHELL.test(text);
}

function isForeign(namespace: string): boolean {
  return namespace === "host" || namespace.includes("$");
}

function portText(value: YamlValue): string {
  if (!isYamlMap(value)) return scalar(value);
  return `${scalar(value.get("published"))}:${scalar(value.get("target"))}`;
}

/** The definitions at the document's top that a service's configs, secrets and volumes refer to. */
function usedDefinitions(service: YamlMap, top: YamlMap): readonly YamlValue[] {
  return ["configs", "secrets", "volumes"].flatMap((member) => {
    const defined = top.get(member);
    if (!isYamlMap(defined)) return [];
    return items(service.get(member)).flatMap((value) => {
      const name = isYamlMap(value) ? scalar(value.get("source")) : (scalar(value).split(":")[0] ?? "");
      const definition = defined.get(name);
      return definition === undefined ? [] : [definition];
    });
  });
}

function texts(value: YamlValue | undefined): readonly string[] {
  if (isList(value)) return value.map(scalar);
  return [scalar(value)];
}

/**
 * Collects the variables that Compose would replace: `$NAME`, `${NAME}`, `${NAME:-default}`; `$$` is a dollar sign.
 * @see Compose specification, "Interpolation"
 */
function collectVariables(value: YamlValue, into: Set<string>): void {
  if (typeof value === "string") {
    for (const match of value.matchAll(/\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)|([A-Za-z_][A-Za-z0-9_]*))/g)) {
      const name = match[1] ?? match[2];
      if (name !== undefined) into.add(name);
    }
    return;
  }
  for (const item of items(value)) collectVariables(item, into);
}
