import { isList, isYamlMap, type YamlMap, type YamlValue } from "./compose-yaml.ts";

/** Something of the guest that a container gets to see. */
export interface ComposeMount {
  /** A path of the guest, or the name of a volume. */
  readonly source: string;
  readonly target: string;
  readonly kind: "path" | "volume";
  /** As declared: a socket can be used all the same. */
  readonly readOnly: boolean;
  /** The path is that of a named volume's own options. */
  readonly byVolume?: true;
}

/** What a mounted path gives away. */
export type MountReach = "docker" | "dstack" | "keys" | "guest";

const DOCKER_SOCKETS: ReadonlySet<string> = new Set([
  "docker.sock",
  "containerd.sock",
  "containerd.sock.ttrpc",
  "podman.sock",
  "crio.sock",
  "buildkitd.sock",
]);
const DSTACK_SOCKETS: ReadonlySet<string> = new Set(["dstack.sock", "tappd.sock", "external.sock", "guest-agent.sock"]);
/** Where the sockets lie: a mount of a folder above one holds it too. */
const SOCKET_PATHS = [
  "/var/run/docker.sock",
  "/run/docker.sock",
  "/run/containerd/containerd.sock",
  "/var/run/containerd/containerd.sock",
  "/run/podman/podman.sock",
  "/var/run/podman/podman.sock",
  "/run/crio/crio.sock",
  "/var/run/crio/crio.sock",
  "/run/buildkit/buildkitd.sock",
  "/var/run/buildkit/buildkitd.sock",
  "/var/run/dstack.sock",
  "/run/dstack.sock",
  "/var/run/tappd.sock",
  "/run/tappd.sock",
] as const;
/** Where dstack leaves the app's keys and its decrypted environment; `/dstack` and `/tapp` lead to the last two. */
const KEY_FOLDERS = [
  "/dstack/.host-shared",
  "/tapp/.host-shared",
  "/var/volatile/dstack/.host-shared",
  "/var/volatile/tapp/.host-shared",
  "/var/volatile/dstack/persistent/.host-shared",
];
/** The same files wherever they lie. */
const KEY_FILE = /^(?:\.host-shared|\.decrypted-env|\.decrypted-env\.json|\.appkeys\.json|\.user-config)$/;
/** Folders in which anything shows the guest's processes, logs or other containers. */
const GUEST_FOLDERS = [
  ..."/proc /sys /dev /boot /lib/modules /var/log /run/log /var/run/log".split(" "),
  ..."/var/lib/docker /var/lib/containerd /var/lib/containers /run/docker /run/user".split(" "),
  ..."/run/systemd /run/dbus /var/run/systemd /var/run/dbus".split(" "),
];
/** Folders that do so only as a whole: single files of theirs, such as a time zone, are harmless. */
const WHOLE_FOLDERS = ["/etc", "/root", "/run", "/var/run"];
/** The folder that dstack starts Compose in. */
const APP_FOLDER = "/dstack";

/**
 * Tells what reaches a container through a mount.
 * @returns nothing for volumes and for folders of the app's own
 */
export function mountReach({ kind, source }: ComposeMount): readonly MountReach[] {
  if (kind === "volume") return [];
  // What a variable stands for is set outside of the document: it may be any path.
  if (/\$(?!\$)/.test(source)) return ["docker", "dstack", "keys", "guest"];
  const path = normalPath(source);
  const name = path.slice(path.lastIndexOf("/") + 1);
  const holds = (paths: readonly string[]) => paths.some((inside) => isWithin(inside, path));
  const reach: MountReach[] = [];
  const isDstacks = (socket: string) => /dstack|tappd/.test(socket);
  if (DOCKER_SOCKETS.has(name) || holds(SOCKET_PATHS.filter((socket) => !isDstacks(socket)))) reach.push("docker");
  if (DSTACK_SOCKETS.has(name) || holds(SOCKET_PATHS.filter(isDstacks))) reach.push("dstack");
  if (path.split("/").some((part) => KEY_FILE.test(part)) || holds(KEY_FOLDERS)) reach.push("keys");
  if (GUEST_FOLDERS.some((folder) => isWithin(path, folder)) || holds([...GUEST_FOLDERS, ...WHOLE_FOLDERS])) reach.push("guest");
  return reach;
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === "/" || path.startsWith(`${folder}/`);
}

/** An absolute path without doubled slashes, `.` and `..`. */
export function normalPath(path: string): string {
  const absolute = path.startsWith("/") ? path : path.startsWith("~") ? `/root/${path.slice(1)}` : `${APP_FOLDER}/${path}`;
  const parts: string[] = [];
  for (const part of absolute.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/**
 * Reads a service's mounts: `volumes` in both syntaxes, and `configs` and `secrets` that come from files.
 * @param top the document, where named volumes, configs and secrets are defined
 */
export function readMounts(service: YamlMap, top: YamlMap): readonly ComposeMount[] {
  const volumes = items(service.get("volumes")).map((value) => readVolume(value, top));
  const files = (["configs", "secrets"] as const).flatMap((member) =>
    items(service.get(member)).flatMap((value) => readFile(value, top.get(member))),
  );
  // The engine's API socket by another name.
  const api = isTrue(service.get("use_api_socket"))
    ? [{ source: "/var/run/docker.sock", target: "/var/run/docker.sock", kind: "path", readOnly: false } as const]
    : [];
  return [...volumes, ...files, ...api];
}

/** Reads one of a service's `volumes`, in either syntax. @param top the document, where named volumes are defined */
export function readVolume(value: YamlValue, top: YamlMap): ComposeMount {
  if (isYamlMap(value)) {
    const source = scalar(value.get("source")) || scalar(value.get("src"));
    const target = scalar(value.get("target")) || scalar(value.get("destination")) || scalar(value.get("dst"));
    return resolve(source, target, /^(?:true|yes|on|1)$/i.test(scalar(value.get("read_only"))), top, scalar(value.get("type")) === "bind");
  }
  const text = scalar(value);
  // A `:` inside `${…}` separates nothing.
  const parts = text.split(/:(?![^{]*\})/);
  if (parts.length === 1) return { source: "", target: text, kind: "volume", readOnly: false };
  const [source = "", target = "", mode = ""] = parts;
  return resolve(source, target, mode.split(",").includes("ro"), top, false);
}

function resolve(source: string, target: string, readOnly: boolean, top: YamlMap, bind: boolean): ComposeMount {
  if (bind || /^[/.~$]/.test(source)) return { source, target, kind: "path", readOnly };
  const volumes = top.get("volumes");
  const volume = isYamlMap(volumes) ? volumes.get(source) : undefined;
  const options = isYamlMap(volume) ? volume.get("driver_opts") : undefined;
  const device = isYamlMap(options) ? scalar(options.get("device")) : "";
  // A named volume can be a path in disguise.
  return device === "" ? { source, target, kind: "volume", readOnly } : { source: device, target, kind: "path", readOnly, byVolume: true };
}

/** Reads one of a service's `configs` or `secrets` that comes from a file. @param defined where they are defined */
export function readFile(value: YamlValue, defined: YamlValue | undefined): readonly ComposeMount[] {
  const name = isYamlMap(value) ? scalar(value.get("source")) : scalar(value);
  const definition = isYamlMap(defined) ? defined.get(name) : undefined;
  const file = isYamlMap(definition) ? scalar(definition.get("file")) : "";
  const target = isYamlMap(value) ? scalar(value.get("target")) : "";
  return file === "" ? [] : [{ source: file, target: target || name, kind: "path", readOnly: true }];
}

/** The entries of a list; a mapping's values; nothing for a scalar. */
export function items(value: YamlValue | undefined): readonly YamlValue[] {
  if (isList(value)) return value;
  return isYamlMap(value) ? [...value.values()] : [];
}

/** A scalar's text; empty for anything else. */
export function scalar(value: YamlValue | undefined): string {
  return typeof value === "string" ? value : "";
}

/** False only for what every reader takes as false: an unknown word or a variable may mean true. */
export function isTrue(value: YamlValue | undefined): boolean {
  return typeof value === "string" && !/^(?:|false|no|n|off|0|null|~)$/i.test(value);
}
