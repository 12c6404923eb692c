import { ComposeError } from "./compose-error.ts";
import { quotedText, quoteName } from "../report/statement.ts";
import { unknownMembers, unknownSettings } from "./compose-harmless.ts";
import { type ComposeService, hasShell, readService } from "./compose-service.ts";
import { isYamlMap, parseComposeYaml, type YamlMap } from "./compose-yaml.ts";

export { ComposeError } from "./compose-error.ts";

const MAX_CHARACTERS = 1024 * 1024;
const MAX_SERVICES = 256;
const MAX_ENVS = 1024;
const MAX_NAME_CHARACTERS = 256;
const MAX_SCRIPTS = 16;
const RUNNERS: ReadonlySet<string> = new Set(["docker-compose", "nerdctl-compose"]);
/** Variables by which Compose, the shell that starts it or its loader take other files, programs or engines than the measured. */
const DECIDING_VARIABLE =
  /^(?:COMPOSE_(?:FILE|ENV_FILES|PATH_SEPARATOR)|DOCKER_(?:HOST|CONTEXT|CONFIG|CLI_PLUGIN_EXTRA_DIRS)|PATH|LD_[A-Z0-9_]+|BASH_ENV|BASH_FUNC_.*)$/;

/** What dstack is asked to run. No text in it is trusted; what it says was measured only if its hash was. */
export interface ComposeDocument {
  readonly name: string;
  /** `docker-compose`, `nerdctl-compose`, or `bash`, which runs a script in the guest itself. */
  readonly runner: string;
  readonly services: readonly ComposeService[];
  /** Why the services listed are not all that is started, where that is so. */
  readonly incomplete?: string;
  /** Members of the document and of its compose file that are not known to be harmless, by name. */
  readonly unknown: readonly string[];
  /** Members of the document that hold a script which runs in the guest itself. */
  readonly scripts: readonly string[];
  /** True when a script starts something that lets people in from outside. */
  readonly scriptShell: boolean;
  /** Environment variables whose values are not measured. */
  readonly allowedEnvs: readonly string[];
  readonly kms: boolean;
  /** dstack's gateway, which ends TLS for apps. */
  readonly gateway: boolean;
  readonly publicLogs: boolean;
  readonly publicSysinfo: boolean;
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a dstack compose document: JSON around a Docker Compose file in YAML, for the question of who can read what. What is
 * not known to be harmless is listed by name; nothing is taken as harmless because it is not known.
 * @param appCompose the raw text, as it was measured
 * @throws ComposeError
 * @see dstack dstack-types, AppCompose; Compose specification
 */
export function parseComposeDocument(appCompose: string): ComposeDocument {
  const body = parseJson(appCompose);
  const features = texts(body, "features", MAX_ENVS);
  const keyProvider = body["key_provider"];
  const scripts = ["init_script", "pre_launch_script", "bash_script"].filter((name) => scriptTexts(body, name).length > 0);
  const runner = text(body, "runner") || "docker-compose";
  const allowedEnvs = texts(body, "allowed_envs", MAX_ENVS);
  const { unknown, ...file } = readComposeFile(body, runner, allowedEnvs);
  return {
    name: text(body, "name"),
    runner,
    ...file,
    unknown: [...unknown, ...unknownSettings(body)],
    scripts,
    scriptShell: scripts.some((name) => scriptTexts(body, name).some(hasShell)),
    allowedEnvs,
    kms: keyProvider === undefined || keyProvider === null ? flag(body, "kms_enabled") || features.includes("kms") : keyProvider === "kms",
    gateway: flag(body, "gateway_enabled") || flag(body, "tproxy_enabled") || features.includes("tproxy-net"),
    publicLogs: flag(body, "public_logs"),
    publicSysinfo: flag(body, "public_sysinfo"),
  };
}

function readComposeFile(
  body: JsonObject,
  runner: string,
  allowedEnvs: readonly string[],
): Pick<ComposeDocument, "services" | "incomplete" | "unknown"> {
  if (runner === "bash") return { services: [], unknown: [], incomplete: "a script starts everything (runner: bash)" };
  const file = body["docker_compose_file"];
  if (typeof file !== "string") throw new ComposeError("docker_compose_file is not a text");
  const top = parseComposeYaml(file);
  if (!isYamlMap(top)) throw new ComposeError("docker_compose_file is not a mapping");
  const services = top.get("services");
  if (!isYamlMap(services)) throw new ComposeError("docker_compose_file has no mapping of services");
  if (services.size > MAX_SERVICES) throw new ComposeError(`docker_compose_file has ${services.size} services, more than ${MAX_SERVICES}`);
  const incomplete = incompleteReason(top, runner, allowedEnvs);
  return {
    services: [...services].map(([name, service]) => {
      if (!isYamlMap(service)) throw new ComposeError("docker_compose_file has a service that is not a mapping");
      return readService(name, service, top);
    }),
    unknown: unknownMembers(top),
    ...(incomplete !== undefined && { incomplete }),
  };
}

function incompleteReason(top: YamlMap, runner: string, allowedEnvs: readonly string[]): string | undefined {
  if (!RUNNERS.has(runner)) return "what starts it is not known (runner)";
  const deciding = allowedEnvs.find((name) => DECIDING_VARIABLE.test(name));
  if (deciding !== undefined) return `whoever sets the variable ${quotedText(quoteName(deciding))} decides what is started`;
  if (top.has("include")) return "it includes other files";
  if (top.has("models")) return "it asks for models, which Compose fetches by itself";
  return undefined;
}

function parseJson(appCompose: string): JsonObject {
  if (appCompose.length > MAX_CHARACTERS) throw new ComposeError(`has ${appCompose.length} characters, more than ${MAX_CHARACTERS}`);
  let value: unknown;
  try {
    value = JSON.parse(appCompose);
  } catch {
    throw new ComposeError("is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ComposeError("is not a JSON object");
  return value as JsonObject;
}

function text(body: JsonObject, name: string): string {
  const value = Object.hasOwn(body, name) ? (body[name] ?? "") : "";
  if (typeof value !== "string") throw new ComposeError(`${name} is not a text`);
  return value.slice(0, MAX_NAME_CHARACTERS);
}

function texts(body: JsonObject, name: string, max: number): readonly string[] {
  const value = Object.hasOwn(body, name) ? (body[name] ?? []) : [];
  if (!Array.isArray(value) || value.length > max || !value.every((item) => typeof item === "string"))
    throw new ComposeError(`${name} is not a list of at most ${max} texts`);
  return value.map((item: string) => item.slice(0, MAX_NAME_CHARACTERS));
}

/** One script or several, those that are not empty. */
function scriptTexts(body: JsonObject, name: string): readonly string[] {
  const value = Object.hasOwn(body, name) ? (body[name] ?? []) : [];
  const scripts: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (scripts.length > MAX_SCRIPTS || !scripts.every((script) => typeof script === "string"))
    throw new ComposeError(`${name} is neither a text nor a short list of texts`);
  return scripts.filter((script) => script.trim() !== "");
}

function flag(body: JsonObject, name: string): boolean {
  const value = Object.hasOwn(body, name) ? (body[name] ?? false) : false;
  if (typeof value !== "boolean") throw new ComposeError(`${name} is neither true nor false`);
  return value;
}
