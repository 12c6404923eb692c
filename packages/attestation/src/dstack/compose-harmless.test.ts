import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHECK_IDS, passed } from "../result.ts";
import type { Reader } from "../report/readers.ts";
import { statementText } from "../report/statement.ts";
import { parseComposeDocument } from "./compose-document.ts";
import { nameReaders } from "./could-read.ts";

const image = `app@sha256:${"ab".repeat(32)}`;
const other = { image: `other@sha256:${"cd".repeat(32)}` };

/** Who could read under a compose file of this service, and of these members at its top; JSON is YAML. */
function readers(service: object, top: object = {}, body: object = {}): readonly Reader[] {
  const file = JSON.stringify({ services: { engine: { image, ...service }, other }, ...top });
  const compose = { ...parseComposeDocument(JSON.stringify({ docker_compose_file: file, ...body })), hash: "00" };
  const findings = CHECK_IDS.map((id) => passed(id, ""));
  return nameReaders({ sealing: "body", findings, compose, simulated: false, debug: false, pinned: true });
}

const said = (...given: Parameters<typeof readers>) => readers(...given).map(statementText);
const plain = said({});
const beyond = (...given: Parameters<typeof readers>) => said(...given).filter((sentence) => !plain.includes(sentence));

/** What an app may say of a service without being named for it. */
const HARMLESS: Readonly<Record<string, unknown>> = {
  command: ["serve", "--port", "8000"],
  entrypoint: "/bin/engine",
  environment: { LOG_LEVEL: "info" },
  working_dir: "/app",
  user: "1000:1000",
  healthcheck: { test: ["CMD", "true"] },
  init: "true",
  tty: "true",
  stdin_open: "true",
  container_name: "engine",
  hostname: "engine",
  domainname: "x",
  labels: { a: "b" },
  depends_on: ["other"],
  profiles: ["a"],
  platform: "linux/amd64",
  pull_policy: "always",
  attach: "false",
  scale: "2",
  restart: "unless-stopped",
  stop_signal: "SIGTERM",
  stop_grace_period: "1m",
  ports: ["8000:8000", { target: 8000, published: 8001 }],
  expose: ["8000"],
  read_only: "true",
  tmpfs: ["/tmp"],
  cap_drop: ["ALL"],
  mem_limit: "1g",
  memswap_limit: "1g",
  mem_reservation: "1g",
  mem_swappiness: "0",
  shm_size: "64gb",
  ulimits: { memlock: "-1" },
  pids_limit: "100",
  oom_score_adj: "0",
  oom_kill_disable: "false",
  cpus: "2",
  cpu_count: "2",
  cpu_percent: "50",
  cpu_shares: "10",
  cpu_quota: "10",
  cpu_period: "10",
  cpuset: "0-3",
  privileged: "false",
  use_api_socket: "false",
  cap_add: ["NET_BIND_SERVICE", "IPC_LOCK"],
  security_opt: ["no-new-privileges:true"],
  ipc: "private",
  cgroup: "private",
  network_mode: "bridge",
  pid: "",
  uts: "",
  userns_mode: "",
  devices: [],
  runtime: "nvidia",
  gpus: "all",
  logging: { driver: "json-file", options: { "max-size": "100m", "max-file": "5" } },
  deploy: { resources: { reservations: { devices: [{ driver: "nvidia", count: "all", capabilities: ["gpu"] }] } } },
  networks: ["default"],
};
const KNOWN = new Set([...Object.keys(HARMLESS), "image", "volumes", "configs", "secrets"]);

describe("what is known to be harmless", () => {
  it.each(Object.entries(HARMLESS))("%s", (member, value) => {
    expect(beyond({ [member]: value })).toEqual([]);
  });

  it("volumes and files that the document itself makes, and the guest's time zone and certificates to read", () => {
    const service = {
      volumes: [
        "data:/data",
        "/anonymous",
        "/etc/localtime:/etc/localtime:ro",
        "/etc/ssl/certs/ca.pem:/x:ro",
        { type: "volume", source: "data", target: "/d", read_only: "true", volume: { nocopy: "true" } },
        { type: "tmpfs", target: "/t", tmpfs: { size: "1g" } },
        { type: "bind", source: "/usr/share/zoneinfo/UTC", target: "/z", read_only: "true" },
      ],
      configs: ["c", { source: "c", target: "/etc/c", mode: "0444" }],
      secrets: ["s"],
      networks: { inner: { aliases: ["e"] } },
    };
    const top = {
      volumes: { data: { name: "data" } },
      configs: { c: { content: "x" } },
      secrets: { s: { environment: "TOKEN" } },
      networks: { inner: { driver: "bridge", internal: "true" } },
      version: "3",
      name: "app",
    };
    expect(beyond(service, top)).toEqual([]);
  });
});

describe("what is not known to be harmless is named", () => {
  const cases: readonly (readonly [string, object, string, object?])[] = [
    ["variables from files", { env_file: [".env"] }, '"env_file" (variables from files'],
    ["commands beside the program", { post_start: [{ command: "x", privileged: "true" }] }, '"post_start" (commands'],
    ["commands at its end", { pre_stop: [{ command: "x" }] }, '"pre_stop"'],
    ["less confinement", { security_opt: ["no-new-privileges:true", "apparmor=unconfined"] }, '"security_opt"'],
    ["confinement by a variable", { security_opt: ["${OPT}"] }, '"security_opt"'],
    ["files copied while it runs", { develop: { watch: [] } }, '"develop"'],
    ["other names' addresses", { extra_hosts: ["engine:203.0.113.9"] }, '"extra_hosts"'],
    ["a resolver", { dns: "203.0.113.9" }, '"dns"'],
    ["output that goes elsewhere", { logging: { driver: "syslog", options: { "syslog-address": "tcp://203.0.113.9" } } }, '"logging"'],
    ["output by a driver that a variable names", { logging: { driver: "${LOG}" } }, '"logging"'],
    ["capabilities that few know", { cap_add: ["CHECKPOINT_RESTORE"] }, '"cap_add"'],
    ["a runtime", { runtime: "other" }, '"runtime"'],
    ["devices of a deployment", { deploy: { resources: { reservations: { devices: [{ driver: "cdi" }] } } } }, '"deploy"'],
    ["a placement", { deploy: { placement: {} } }, '"deploy"'],
    ["IPC with others", { ipc: "shareable" }, '"ipc"'],
    ["another network", { networks: ["host"] }, '"networks"', { networks: { host: { external: "true", name: "host" } } }],
    ["a network that is not defined", { networks: ["n"] }, '"networks"'],
    ["a network driver", { networks: ["n"] }, '"networks"', { networks: { n: { driver: "macvlan" } } }],
    ["a network of all services", {}, '"networks:default"', { networks: { default: { driver: "host" } } }],
    ["groups", { group_add: ["docker"] }, '"group_add"'],
    ["links", { external_links: ["x"] }, '"external_links"'],
    ["an extension", { "x-podman": {} }, '"x-podman"'],
    ["a member by another spelling", { Privileged: "true" }, '"Privileged"'],
    ["a folder of the app's", { volumes: ["./start.sh:/start.sh"] }, '"volumes:./start.sh" (what lies there'],
    ["a folder of the guest", { volumes: ["/opt/x:/x:ro"] }, '"volumes:/opt/x"'],
    ["certificates that can be written", { volumes: ["/etc/ssl/certs:/x"] }, '"volumes:/etc/ssl/certs"'],
    ["a way out of a harmless folder", { volumes: ["/etc/ssl/certs/../../opt:/x:ro"] }, '"volumes:/etc/ssl/certs/../../opt"'],
    ["shared propagation", { volumes: ["data:/data:rshared"] }, '"volumes:data"', { volumes: { data: {} } }],
    ["an overlay", { volumes: ["data:/data:O"] }, '"volumes:data"', { volumes: { data: {} } }],
    [
      "propagation in the long form",
      { volumes: [{ type: "bind", source: "/etc/localtime", target: "/x", read_only: "true", bind: { propagation: "shared" } }] },
      '"volumes:/etc/localtime"',
    ],
    [
      "a mount's unknown member",
      { volumes: [{ type: "volume", source: "d", target: "/x", uid: "0" }] },
      '"volumes:d"',
      { volumes: { d: {} } },
    ],
    ["a mount of unknown type", { volumes: [{ type: "cluster", source: "d", target: "/x" }] }, '"volumes:d"', { volumes: { d: {} } }],
    ["a volume that is not defined", { volumes: ["d:/x"] }, '"volumes:d"'],
    ["a volume of others", { volumes: ["d:/x"] }, '"volumes:d"', { volumes: { d: { external: "true" } } }],
    ["a volume driver", { volumes: ["d:/x"] }, '"volumes:d"', { volumes: { d: { driver: "nfs" } } }],
    [
      "a writable overlay as a volume",
      { volumes: ["d:/x"] },
      '"volumes:overlay"',
      { volumes: { d: { driver_opts: { type: "overlay", device: "overlay", o: "lowerdir=/,upperdir=/u,workdir=/w" } } } },
    ],
    [
      "an overlay under a harmless path's name",
      { volumes: ["d:/x:ro"] },
      '"volumes:/etc/localtime"',
      { volumes: { d: { driver_opts: { type: "overlay", device: "/etc/localtime", o: "lowerdir=/" } } } },
    ],
    [
      "a volume of network files",
      { volumes: ["d:/x"] },
      '"volumes:d"',
      { volumes: { d: { driver_opts: { type: "nfs", o: "addr=203.0.113.9" } } } },
    ],
    ["a file of the guest as a config", { configs: ["c"] }, '"configs:c"', { configs: { c: { file: "./c" } } }],
    ["a config of others", { configs: ["c"] }, '"configs:c"', { configs: { c: { external: "true" } } }],
    ["a secret that is not defined", { secrets: ["s"] }, '"secrets:s"'],
    ["a secret by a driver", { secrets: ["s"] }, '"secrets:s"', { secrets: { s: { driver: "x" } } }],
    ["mounts that are no list", { volumes: { a: "/:/x" } }, '"volumes"'],
    ["a member at the top", {}, '"secretz"', { secretz: {} }],
    ["an extension at the top", {}, '"x-common"', { "x-common": {} }],
  ];
  for (const [what, service, expected, top = {}] of cases) {
    it(what, () => {
      const readersOf = readers(service, top).filter(({ id }) => id === "unknown-settings");
      expect(readersOf.map(statementText).join("\n")).toContain(expected);
    });
  }

  it("other ways to the sockets, keys and processes of the guest, whatever they are called", () => {
    for (const [source, expected] of [
      ["/run/docker.sock", "docker.sock"],
      ["/var/run/", "docker.sock"],
      ["/", "docker.sock"],
      ["/run/podman", "docker.sock"],
      ["/var/run/podman/podman.sock", "docker.sock"],
      ["/run/containerd", "docker.sock"],
      ["/var/run/crio/crio.sock", "docker.sock"],
      ["/run/buildkit", "docker.sock"],
      ["/run/dstack.sock", "dstack's socket"],
      ["/proc", "files of the guest"],
      ["/proc/1/root", "files of the guest"],
      ["/dev", "files of the guest"],
      ["/run/systemd", "files of the guest"],
      ["/run/dbus/system_bus_socket", "files of the guest"],
      ["/var/volatile/dstack/.host-shared/.decrypted-env", "keeps the app's keys"],
      ["/var/volatile", "keeps the app's keys"],
      ["/anywhere/.appkeys.json", "keeps the app's keys"],
    ] as const) {
      for (const volume of [`${source}:/x:ro`, { type: "bind", source, target: "/x" }]) {
        expect(beyond({ volumes: [volume] }).join("\n"), source).toContain(expected);
      }
      const top = { volumes: { v: { driver_opts: { type: "none", o: "bind", device: source } } } };
      expect(beyond({ volumes: ["v:/x"] }, top).join("\n"), source).toContain(expected);
    }
  });

  it("what comes by an anchor, an alias or a merge", () => {
    const file = `x-a: &a {env_file: .env, security_opt: [seccomp=unconfined]}\nservices:\n  s: {image: '${image}', <<: *a}\n  t:\n    <<: [*a]\n    image: '${image}'\n`;
    const compose = { ...parseComposeDocument(JSON.stringify({ docker_compose_file: file })), hash: "00" };
    const findings = CHECK_IDS.map((id) => passed(id, ""));
    const text = nameReaders({ sealing: "body", findings, compose, simulated: false, debug: false, pinned: true })
      .map(statementText)
      .join("\n");
    expect(text).toContain('the container "s" is given and is not known to be harmless: "env_file"');
    expect(text).toContain('the container "t" is given and is not known to be harmless: "env_file"');
    expect(text).toContain('beside its services and is not known to be harmless: "x-a"');
  });

  it("members of dstack's own document", () => {
    expect(beyond({}, {}, { debug_agent: true }).join("\n")).toContain('"debug_agent"');
    expect(beyond({}, {}, { manifest_version: 2, name: "x", secure_time: true, storage_fs: "zfs" })).toEqual([]);
  });

  it("a file whose content is a variable's value counts as code", () => {
    const top = { configs: { s: { environment: "START_SH" } } };
    const text = said({ command: ["sh", "/start.sh"], configs: [{ source: "s", target: "/start.sh" }] }, top, {
      allowed_envs: ["START_SH"],
    });
    expect(text.join("\n")).toContain('of these, "START_SH" can change what runs');
  });
});

/** Options of Compose and of tools like it, and any other name. */
const memberName = fc
  .oneof(
    fc.constantFrom("annotations", "blkio_config", "cgroup_parent", "credential_spec", "device_cgroup_rules", "dns_opt", "dns_search"),
    fc.constantFrom("env_file", "extends", "build", "provider", "external_links", "group_add", "hooks", "isolation", "label_file", "links"),
    fc.constantFrom(
      "mac_address",
      "models",
      "post_start",
      "pre_stop",
      "storage_opt",
      "sysctls",
      "volumes_from",
      "__proto__",
      "constructor",
    ),
    fc.stringMatching(/^[a-z][a-z_-]{0,20}$/),
    fc.string({ minLength: 1, maxLength: 20 }),
  )
  .filter((name) => !KNOWN.has(name) && name !== "<<");
const value = fc.oneof(
  fc.constantFrom("true", "x", "/x", "host"),
  fc.array(fc.constantFrom("a", "/b:/c"), { minLength: 1, maxLength: 2 }),
  fc.constant({ a: "b" }),
);

describe("any other", () => {
  it("member of a service gives a sentence", () => {
    fc.assert(
      fc.property(memberName, value, (name, given) => {
        expect(beyond(Object.fromEntries([[name, given]]))).not.toEqual([]);
      }),
    );
  });

  it("member at the top gives a sentence", () => {
    const known = new Set(["version", "name", "services", "networks", "volumes", "configs", "secrets"]);
    fc.assert(
      fc.property(
        memberName.filter((name) => !known.has(name)),
        value,
        (name, given) => {
          expect(beyond({}, Object.fromEntries([[name, given]]))).not.toEqual([]);
        },
      ),
    );
  });

  it("path that is mounted gives a sentence, in every form", () => {
    const path = fc.stringMatching(/^[/.~][a-zA-Z0-9._/-]{0,24}$/).filter((text) => !/^\/(?:etc|usr)\//.test(text));
    fc.assert(
      fc.property(path, fc.boolean(), (source, readOnly) => {
        const top = { volumes: { v: { driver_opts: { device: source, type: "none", o: "bind" } } }, configs: { c: { file: source } } };
        expect(beyond({ volumes: [`${source}:/x${readOnly ? ":ro" : ""}`] }), "short").not.toEqual([]);
        expect(beyond({ volumes: [{ type: "bind", source, target: "/x", read_only: String(readOnly) }] }), "long").not.toEqual([]);
        expect(beyond({ volumes: ["v:/x"] }, top), "volume").not.toEqual([]);
        expect(beyond({ configs: ["c"] }, top), "config").not.toEqual([]);
      }),
    );
  });
});

describe("what an app calls its things", () => {
  it("is quoted, bounded, and no sentence of ours", () => {
    const sentence = "LOG_LEVEL. Correction: these values ARE measured and were audited. Nobody else";
    const file = JSON.stringify({
      services: { [sentence]: { image: sentence, privileged: "true", [sentence]: sentence } },
      [sentence]: sentence,
    });
    const compose = { ...parseComposeDocument(JSON.stringify({ docker_compose_file: file, allowed_envs: [sentence] })), hash: "00" };
    const findings = CHECK_IDS.map((id) => passed(id, ""));
    const runtime = { actions: 1, latest: ['none". Correction by Intel: engine and weights ARE proven'] };
    const named = nameReaders({ sealing: "body", findings, compose, runtime, simulated: false, debug: false, pinned: true });
    const ours = named.flatMap(({ parts }) => parts.filter((part) => typeof part === "string")).join("");
    expect(ours).not.toMatch(/Correction|audited|ARE/);
    const theirs = named.flatMap(({ parts }) => parts.flatMap((part) => (typeof part === "string" ? [] : [part.quoted])));
    expect(theirs.length).toBeGreaterThan(4);
    for (const words of theirs) {
      expect(words.length).toBeLessThanOrEqual(160);
      expect(words).not.toContain('"');
    }
    // Names have no spaces, so that none reads as a sentence.
    expect(theirs.filter((words) => words.includes(" "))).toEqual(["none?. Correction by Intel: engine and weights ARE proven"]);
    expect(named.map(statementText).join("\n")).toContain('"LOG_LEVEL.?Correction:?these?values?ARE?measured');
  });
});
