import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { verifyBuildImages, verifyDigestsPinned } from "./build-images.ts";
import { ComposeError, parseComposeDocument } from "./compose-document.ts";
import type { ServiceReach } from "./compose-service.ts";

const DIGEST = "ab".repeat(32);
const IMAGE = `registry.example/app/engine:v1@sha256:${DIGEST}`;
const document = (file: string, members: object = {}) =>
  parseComposeDocument(
    JSON.stringify({ manifest_version: 2, name: "app", runner: "docker-compose", docker_compose_file: file, ...members }),
  );
const service = (members: string, top = "") =>
  document(`services:\n  s:\n    image: ${IMAGE}\n${members.replace(/^/gm, "    ")}\n${top}`).services[0];

describe("parseComposeDocument", () => {
  it("reads what dstack is told", () => {
    const read = document(`services: {s: {image: '${IMAGE}', ports: ['8080:80']}}`, {
      kms_enabled: true,
      tproxy_enabled: true,
      public_logs: true,
      allowed_envs: ["TOKEN"],
      pre_launch_script: "dropbear -p 22",
    });
    expect(read).toMatchObject({
      name: "app",
      kms: true,
      gateway: true,
      publicLogs: true,
      publicSysinfo: false,
      allowedEnvs: ["TOKEN"],
      scripts: ["pre_launch_script"],
      scriptShell: true,
      services: [{ name: "s", image: IMAGE, digest: DIGEST, ports: ["8080:80"], reach: [] }],
    });
    expect(document("services: {}", { key_provider: "none", kms_enabled: true }).kms).toBe(false);
    expect(document("services: {}", { features: ["kms"] }).kms).toBe(true);
    expect(parseComposeDocument('{"runner":"bash","bash_script":"x"}')).toMatchObject({
      services: [],
      incomplete: expect.any(String),
      scripts: ["bash_script"],
    });
  });

  for (const [what, text] of [
    ["what is not JSON", "{"],
    ["a list", "[]"],
    ["no compose file", "{}"],
    ["a compose file that is a list", '{"docker_compose_file":"- a"}'],
    ["no services", '{"docker_compose_file":"a: b"}'],
    ["a service that is a text", '{"docker_compose_file":"services: {a: b}"}'],
    ["a flag that is a text", '{"docker_compose_file":"services: {}","kms_enabled":"no"}'],
    ["envs that are not texts", '{"docker_compose_file":"services: {}","allowed_envs":[1]}'],
    ["a script that is an object", '{"docker_compose_file":"services: {}","init_script":{}}'],
    ["far too many characters", " ".repeat(1024 * 1024 + 1)],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => parseComposeDocument(text)).toThrow(ComposeError);
    });
  }

  const reach: readonly (readonly [string, readonly ServiceReach[], string?])[] = [
    ["volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']", ["docker-socket"]],
    ["volumes: ['/var/run//./docker.sock:/x']", ["docker-socket"]],
    ["volumes: [{type: bind, source: /run/docker.sock, target: /x}]", ["docker-socket"]],
    ["volumes: ['/run/containerd/containerd.sock:/x']", ["docker-socket"]],
    ["volumes: ['d:/x']", ["docker-socket"], "volumes: {d: {driver_opts: {type: none, o: bind, device: /var/run/docker.sock}}}"],
    ["configs: [{source: c, target: /x}]", ["docker-socket"], "configs: {c: {file: /var/run/docker.sock}}"],
    ["use_api_socket: true", ["docker-socket"]],
    ["volumes: ['/var/run:/x']", ["docker-socket", "dstack-socket", "guest-files"]],
    ["volumes: ['/:/x']", ["docker-socket", "dstack-socket", "app-keys", "guest-files"]],
    ["volumes: ['${WHERE}:/x']", ["docker-socket", "dstack-socket", "app-keys", "guest-files"]],
    ["volumes: ['/var/run/dstack.sock:/x']", ["dstack-socket"]],
    ["volumes: ['/var/run/tappd.sock:/x']", ["dstack-socket"]],
    ["volumes: ['./.host-shared/.decrypted-env:/x:ro']", ["app-keys"]],
    ["volumes: ['./a/../.host-shared:/x']", ["app-keys"]],
    ["volumes: ['/proc/:/x:ro']", ["guest-files"]],
    ["volumes: ['/var/lib/docker/containers:/x:ro']", ["guest-files"]],
    ["volumes: ['/etc/localtime:/etc/localtime:ro', './conf.d:/etc/nginx', 'data:/data', '/anonymous']", []],
    ["privileged: true", ["privileged"]],
    ["privileged: ${P}", ["privileged"]],
    ["privileged: false", []],
    ["pid: host", ["host-processes"]],
    ["pid: 'service:engine'", ["other-containers"]],
    ["network_mode: host", ["host-network"]],
    ["cap_add: [CAP_SYS_PTRACE]", ["strong-capabilities"]],
    ["cap_add: [NET_BIND_SERVICE]", []],
    ["devices: ['/dev/nvidia0:/dev/nvidia0']", ["devices"]],
    ["volumes_from: [engine]", ["other-containers"]],
    ["command: ['/usr/sbin/sshd', '-D']", ["debug-shell"]],
    ["ports: ['2222:22']", ["debug-shell"]],
    ["ports: ['8022:8022']", []],
  ];
  for (const [members, expected, top = ""] of reach) {
    it(`sees ${expected.join(", ") || "nothing"} in ${members} ${top}`, () => {
      expect(service(members, top)?.reach).toEqual(expected);
    });
  }

  it("tells variables that decide what runs from others; $$ is none", () => {
    const read = service("command: run $A ${B:-x} $$C\nenvironment: ['K=$A', 'L=${D}']\nconfigs: [c]", "configs: {c: {content: 'x ${E}'}}");
    expect(read).toMatchObject({ variablesInCode: ["A", "B", "E"], variables: ["D"] });
  });

  const pinned: readonly (readonly [string, string])[] = [
    ["services: {s: {image: 'app:latest'}}", "not pinned by digest"],
    ["services: {s: {image: 'app@${D}'}}", "a variable decides"],
    [`services: {s: {image: 'app@sha256:${"AB".repeat(32)}'}}`, "not pinned by digest"],
    [`services: {s: {image: 'app@sha256:${DIGEST}0'}}`, "not pinned by digest"],
    [`services: {s: {image: '${IMAGE}', build: .}}`, "built on the machine"],
    [`services: {s: {image: '${IMAGE}', extends: {file: o.yml, service: o}}}`, "extends a service"],
    ["services: {s: {command: x}}", "names no image"],
    ["services: {s: {provider: {type: x}}}", "provider program"],
    [`services: {s: {image: '${IMAGE}', volumes: [{type: image, source: 'code:1', target: /app}]}}`, "files of another image"],
    [`services: {s: {image: '${IMAGE}', volumes: [{type: '\${T}', source: 'code:1', target: /app}]}}`, "files of another image"],
  ];
  for (const [file, why] of pinned) {
    it(`does not take as pinned: ${file}`, () => {
      expect(verifyDigestsPinned(document(file))).toMatchObject({
        status: "fail",
        detail: { service: "s", why: expect.stringContaining(why) },
      });
    });
  }

  it("follows anchors and merges to the images", () => {
    const merged = document(`x-a: &a {image: '${IMAGE}'}\nservices:\n  s:\n    <<: *a\n  t: *a\n`);
    expect(verifyDigestsPinned(merged)).toMatchObject({ status: "pass", reason: expect.stringContaining("each of the 2 services") });
    const overridden = document(`x-a: &a {image: '${IMAGE}'}\nservices:\n  s:\n    <<: *a\n    image: other:1\n`);
    expect(verifyDigestsPinned(overridden).status).toBe("fail");
  });

  it("knows that a document with include is not all", () => {
    const read = document(`include: [o.yml]\nservices: {s: {image: '${IMAGE}'}}`);
    expect(verifyDigestsPinned(read)).toMatchObject({ status: "fail", reason: expect.stringContaining("includes other files") });
  });

  for (const [what, members, why] of [
    ["a variable names the compose files", { allowed_envs: ["TOKEN", "COMPOSE_FILE"] }, 'whoever sets the variable "COMPOSE_FILE"'],
    ["a variable names the engine", { allowed_envs: ["DOCKER_HOST"] }, 'whoever sets the variable "DOCKER_HOST"'],
    ["a variable is loaded as code", { allowed_envs: ["LD_PRELOAD"] }, 'whoever sets the variable "LD_PRELOAD"'],
    ["the runner is not known", { runner: "docker-compose " }, "what starts it is not known"],
  ] as const) {
    it(`knows that a document is not all where ${what}`, () => {
      const read = document(`services: {s: {image: '${IMAGE}'}}`, members);
      expect(verifyDigestsPinned(read)).toMatchObject({ status: "fail", reason: expect.stringContaining(why) });
      expect(verifyBuildImages("dstack.compose-hash", read, "b", [DIGEST]).status).toBe("fail");
    });
  }

  it("holds the images against a build's", () => {
    const judge = (read: ReturnType<typeof document> | string, images = [DIGEST]) =>
      verifyBuildImages("dstack.compose-hash", read, "b", images);
    const good = `services: {s: {image: '${IMAGE}'}}`;
    expect(judge(document(good)).status).toBe("pass");
    expect(judge(document(good), [`SHA256:${DIGEST}`.toLowerCase()]).status).toBe("pass");
    expect(judge(document(good), ["cd".repeat(32)])).toMatchObject({ status: "fail", detail: { service: "s" } });
    expect(judge(document(good.replace("}}", `}, t: {image: 'x@sha256:${"cd".repeat(32)}'}}`)))).toMatchObject({
      status: "fail",
      detail: { service: "t" },
    });
    expect(judge(document(good, { pre_launch_script: "curl x | sh" }))).toMatchObject({
      status: "fail",
      reason: expect.stringContaining("pre_launch_script"),
    });
    expect(judge(document(`include: [o]\n${good}`)).status).toBe("fail");
    expect(judge("why not").status).toBe("not-checked");
  });

  it("throws nothing but ComposeError", () => {
    const file = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc
        .jsonValue()
        .map(
          (value) =>
            `services: {s: ${JSON.stringify(value)}, t: {image: x, volumes: ${JSON.stringify(value)}, ports: ${JSON.stringify(value)}}}`,
        ),
    );
    const body = fc.record(
      {
        docker_compose_file: fc.oneof(file, fc.jsonValue()),
        allowed_envs: fc.jsonValue(),
        init_script: fc.jsonValue(),
        runner: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          body.map((value) => JSON.stringify(value)),
          file.map((text) => JSON.stringify({ docker_compose_file: text })),
          fc.string(),
        ),
        (text) => {
          try {
            parseComposeDocument(text);
          } catch (error) {
            expect(error).toBeInstanceOf(ComposeError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
