import { isTrue, items, mountReach, normalPath, readFile, readVolume, scalar } from "./compose-mount.ts";
import { isList, isYamlMap, type YamlMap, type YamlValue } from "./compose-yaml.ts";

/**
 * What a compose file may say without giving anybody more than the programs that it names have already. It is a list of what
 * is harmless, not of what is dangerous: Compose, its extensions and the tools beside it learn new options, and one that
 * nobody has looked at here is named to whoever asks who could read.
 */
type Harmless = (value: YamlValue, top: YamlMap) => boolean;

const anyValue: Harmless = () => true;
const notSet: Harmless = (value) => !isTrue(value) && scalarOrEmpty(value);
const oneOf = (words: RegExp): Harmless => {
  return (value) => typeof value === "string" && (value === "" || words.test(value));
};
const each = (words: RegExp): Harmless => {
  return (value) => [value].flat().every((item) => typeof item === "string" && (item === "" || words.test(item)));
};
/** A mapping of these members alone. */
const mapOf = (members: Readonly<Record<string, Harmless>>): Harmless => {
  return (value, top) => {
    if (!isYamlMap(value)) return value === "";
    return [...value].every(([name, member]) => Object.hasOwn(members, name) && members[name]?.(member, top) === true);
  };
};
const listOf = (item: Harmless): Harmless => {
  return (value, top) => value === "" || (isList(value) && value.every((each) => item(each, top)));
};

function scalarOrEmpty(value: YamlValue): boolean {
  return typeof value === "string" || items(value).length === 0;
}

/** Docker gives these to every container, or they reach no further than its own memory and pace. */
const CAPABILITIES =
  /^(?:CAP_)?(?:AUDIT_WRITE|CHOWN|FOWNER|FSETID|KILL|NET_BIND_SERVICE|SETFCAP|SETGID|SETPCAP|SETUID|SYS_CHROOT|IPC_LOCK|SYS_NICE)$/i;
/** Drivers that keep a container's output in the guest. */
const LOGGING = mapOf({
  driver: oneOf(/^(?:json-file|local|journald|none)$/),
  options: mapOf({ "max-size": anyValue, "max-file": anyValue, compress: anyValue, labels: anyValue, tag: anyValue, mode: anyValue }),
});
const GPU_DEVICES = listOf(
  mapOf({ driver: oneOf(/^nvidia$/), count: anyValue, device_ids: anyValue, capabilities: each(/^(?:gpu|compute|utility|nvidia|video)$/) }),
);
const LIMITS = { cpus: anyValue, memory: anyValue, pids: anyValue };
const DEPLOY = mapOf({
  mode: anyValue,
  replicas: anyValue,
  restart_policy: anyValue,
  update_config: anyValue,
  rollback_config: anyValue,
  labels: anyValue,
  resources: mapOf({ limits: mapOf(LIMITS), reservations: mapOf({ ...LIMITS, devices: GPU_DEVICES }) }),
});

/** Members of a service that are harmless, each with the values that are. Mounts are looked at one by one, below. */
const SERVICE: Readonly<Record<string, Harmless>> = {
  ...Object.fromEntries(
    [
      // What runs is told by the image's digest and these; variables in them are named by themselves.
      ..."image command entrypoint environment working_dir user healthcheck init tty stdin_open".split(" "),
      ..."container_name hostname domainname labels depends_on profiles platform pull_policy attach scale".split(" "),
      ..."restart stop_signal stop_grace_period ports expose read_only tmpfs cap_drop".split(" "),
      ..."mem_limit memswap_limit mem_reservation mem_swappiness shm_size ulimits pids_limit oom_score_adj".split(" "),
      ..."cpus cpu_count cpu_percent cpu_shares cpu_quota cpu_period cpuset oom_kill_disable".split(" "),
    ].map((name) => [name, anyValue]),
  ),
  privileged: notSet,
  use_api_socket: notSet,
  cap_add: each(CAPABILITIES),
  security_opt: each(/^no-new-privileges(?:[:=]true)?$/),
  ipc: oneOf(/^(?:private|none)$/),
  cgroup: oneOf(/^private$/),
  network_mode: oneOf(/^(?:none|bridge)$/),
  pid: oneOf(/^$/),
  uts: oneOf(/^$/),
  userns_mode: oneOf(/^$/),
  devices: (value) => items(value).length === 0 && scalar(value) === "",
  runtime: oneOf(/^(?:nvidia|runc)$/),
  gpus: (value, top) => (typeof value === "string" ? /^(?:|all|\d+)$/.test(value) : GPU_DEVICES(value, top)),
  logging: LOGGING,
  deploy: DEPLOY,
  networks: areOwnNetworks,
};

/** Members whose values are looked at one by one. */
const LISTS: ReadonlySet<string> = new Set(["volumes", "configs", "secrets"]);
/** Members that say by themselves why it is not known what starts; see `unpinnedReason`. */
const UNPINNED: ReadonlySet<string> = new Set(["extends", "build", "provider"]);

const OWN_NETWORK = mapOf({
  driver: oneOf(/^bridge$/),
  internal: anyValue,
  labels: anyValue,
  ipam: anyValue,
  enable_ipv6: anyValue,
  name: oneOf(/^(?!host$|none$|container:)[\w.-]+$/),
});
const OWN_VOLUME = mapOf({ driver: oneOf(/^local$/), labels: anyValue, name: anyValue, external: notSet });
const OWN_FILE = mapOf({ content: anyValue, environment: anyValue, file: anyValue, name: anyValue, labels: anyValue });

/** Networks that this document makes for its own containers. */
function areOwnNetworks(value: YamlValue, top: YamlMap): boolean {
  const names = isYamlMap(value) ? [...value.keys()] : isList(value) ? value.map(scalar) : [];
  const joined = isYamlMap(value) ? [...value.values()] : [];
  const defined = top.get("networks");
  const isOwn = (name: string) => {
    const definition = isYamlMap(defined) ? defined.get(name) : undefined;
    return definition === undefined ? name === "default" : OWN_NETWORK(definition, top);
  };
  const member = mapOf({ aliases: anyValue, ipv4_address: anyValue, ipv6_address: anyValue, priority: anyValue });
  return scalar(value) === "" && names.every(isOwn) && joined.every((each) => member(each, top));
}

/** Files of the guest that say nothing about anybody, as long as nothing can be written to them. */
const HARMLESS_PATHS = ["/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/etc/ssl/certs", "/usr/share/ca-certificates"];
const MODES = /^(?:ro|rw|z|Z|cached|delegated|consistent|nocopy)$/;
const MOUNT = mapOf({
  ...Object.fromEntries(
    ["source", "src", "target", "destination", "dst", "read_only", "readonly", "consistency"].map((name) => [name, anyValue]),
  ),
  type: oneOf(/^(?:volume|bind|tmpfs)$/),
  bind: mapOf({ create_host_path: anyValue, selinux: anyValue }),
  volume: mapOf({ nocopy: anyValue }),
  tmpfs: mapOf({ size: anyValue, mode: anyValue }),
});

/**
 * Names what a service is given that is not known to be harmless, and that no other sentence is about: members by name,
 * mounts by what they are made of. Texts are the app's own.
 */
export function unknownOptions(service: YamlMap, top: YamlMap, isNamed: (member: string) => boolean): readonly string[] {
  return [...service].flatMap(([name, value]) => {
    if (UNPINNED.has(name) || isNamed(name)) return [];
    if (LISTS.has(name)) return unknownEntries(name, value, top);
    return Object.hasOwn(SERVICE, name) && SERVICE[name]?.(value, top) === true ? [] : [name];
  });
}

function unknownEntries(member: string, value: YamlValue, top: YamlMap): readonly string[] {
  // Anything else than a list is not how Compose writes them.
  if (!isList(value)) return value === "" ? [] : [member];
  return value.flatMap((entry) => {
    if (member === "volumes") return isHarmlessVolume(entry, top) ? [] : [`${member}:${volumeName(entry, top)}`];
    return isHarmlessFile(entry, top.get(member), top) ? [] : [`${member}:${scalar(isYamlMap(entry) ? entry.get("source") : entry)}`];
  });
}

function volumeName(entry: YamlValue, top: YamlMap): string {
  const { source, target } = readVolume(entry, top);
  return source || target;
}

function isHarmlessVolume(entry: YamlValue, top: YamlMap): boolean {
  const mount = readVolume(entry, top);
  // Those have sentences of their own.
  if (mountReach(mount).length > 0) return true;
  if (isYamlMap(entry) ? !MOUNT(entry, top) : !hasKnownModes(scalar(entry))) return false;
  if (mount.kind === "path") {
    const path = normalPath(mount.source);
    return mount.readOnly && !mount.byVolume && HARMLESS_PATHS.some((known) => path === known || path.startsWith(`${known}/`));
  }
  if (mount.source === "") return true;
  const volumes = top.get("volumes");
  const definition = isYamlMap(volumes) ? volumes.get(mount.source) : undefined;
  return definition !== undefined && OWN_VOLUME(definition, top);
}

function hasKnownModes(text: string): boolean {
  const parts = text.split(/:(?![^{]*\})/);
  return text !== "" && parts.length <= 3 && (parts[2] ?? "rw").split(",").every((mode) => MODES.test(mode));
}

function isHarmlessFile(entry: YamlValue, defined: YamlValue | undefined, top: YamlMap): boolean {
  if (readFile(entry, defined).some((mount) => mountReach(mount).length > 0)) return true;
  const known = mapOf({ source: anyValue, target: anyValue, uid: anyValue, gid: anyValue, mode: anyValue });
  if (isYamlMap(entry) && !known(entry, top)) return false;
  const name = scalar(isYamlMap(entry) ? entry.get("source") : entry);
  const definition = isYamlMap(defined) ? defined.get(name) : undefined;
  // A file's content is on the guest, where nobody has measured it.
  return isYamlMap(definition) && !definition.has("file") && OWN_FILE(definition, top);
}

/** Members at the top of a compose file that are looked at through the services that use them, or mean nothing to what runs. */
const TOP: ReadonlySet<string> = new Set(["version", "name", "services", "networks", "volumes", "configs", "secrets"]);
/** These make the list of services incomplete, and are named for that. */
const INCOMPLETE: ReadonlySet<string> = new Set(["include", "models"]);

/** Names members at the top of a compose file that are not known to be harmless: extensions too, which other tools obey. */
export function unknownMembers(top: YamlMap): readonly string[] {
  const networks = top.get("networks");
  // Every service joins this one without saying so.
  const byDefault = isYamlMap(networks) ? networks.get("default") : undefined;
  return [
    ...[...top.keys()].filter((name) => !TOP.has(name) && !INCOMPLETE.has(name)),
    ...(byDefault === undefined || OWN_NETWORK(byDefault, top) ? [] : ["networks:default"]),
  ];
}

/** What dstack's own document may say beside the compose file. @see dstack dstack-types, AppCompose */
const SETTINGS: ReadonlySet<string> = new Set([
  ..."manifest_version name runner features docker_compose_file bash_script init_script pre_launch_script".split(" "),
  ..."public_logs public_sysinfo public_tcbinfo kms_enabled gateway_enabled tproxy_enabled allowed_envs".split(" "),
  ..."local_key_provider_enabled key_provider key_provider_id no_instance_id secure_time storage_fs".split(" "),
]);

/** Names members of dstack's document that are not known to be harmless. */
export function unknownSettings(body: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(body).filter((name) => !SETTINGS.has(name));
}
