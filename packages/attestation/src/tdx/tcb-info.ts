import { asObject, assertShape, asText, type JsonObject, parseJsonObject, readHex, readList, readNumber } from "./json-shape.ts";
import { type Issue, readIssue } from "./collateral-piece.ts";
import { type IsvLevel, readIsvLevels, readVerdict, type TcbVerdict } from "./tcb-level.ts";

const MAX_LEVELS = 256;
const MAX_MODULES = 64;
const COMPONENTS = 16;
const MAX_SVN = 0xff;
const MODULES = "tdxModuleIdentities";

/** Who has to have signed a TDX module; bytes as lower-case hex. */
export interface ModuleSigner {
  readonly mrSigner: string;
  readonly attributes: string;
  readonly attributesMask: string;
}

/** One generation of the TDX module. */
export interface ModuleIdentity extends ModuleSigner {
  /** `TDX_` and the module's major version as two hex digits, in upper case. */
  readonly id: string;
  readonly levels: readonly IsvLevel[];
}

/** A level of the platform: what a machine must have at least to be on it. */
export interface PlatformLevel extends TcbVerdict {
  readonly sgx: readonly number[];
  readonly pceSvn: number;
  readonly tdx: readonly number[];
}

/** Intel's TCB info for one family of TDX platforms. */
export interface TcbInfo extends Issue {
  /** Lower-case hex. */
  readonly fmspc: string;
  readonly pceId: string;
  readonly module: ModuleSigner;
  readonly modules: readonly ModuleIdentity[];
  /** The highest first. */
  readonly levels: readonly PlatformLevel[];
}

/**
 * Reads TCB info for TDX, version 3. Members that are not needed may be there; those that are have exactly the types and
 * sizes that Intel documents.
 * @throws CollateralShapeError
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "Get TDX TCB Info"
 */
export function parseTcbInfo(text: string): TcbInfo {
  const body = parseJsonObject(text);
  assertShape(body["id"] === "TDX" && body["version"] === 3 && body["tcbType"] === 0, "id, version or type (TDX, 3, 0)");
  return {
    ...readIssue(body),
    fmspc: readHex(body, "fmspc", 6),
    pceId: readHex(body, "pceId", 2),
    module: readSigner(asObject(body["tdxModule"], "tdxModule")),
    modules: body[MODULES] === undefined ? [] : readModules(body),
    levels: readList(body, "tcbLevels", MAX_LEVELS, readLevel).sort(descending),
  };
}

function readSigner(from: JsonObject): ModuleSigner {
  return {
    mrSigner: readHex(from, "mrsigner", 48),
    attributes: readHex(from, "attributes", 8),
    attributesMask: readHex(from, "attributesMask", 8),
  };
}

function readModules(body: JsonObject): ModuleIdentity[] {
  const modules = readList(body, MODULES, MAX_MODULES, (entry) => {
    const module = asObject(entry, MODULES);
    return { id: asText(module["id"], MODULES).toUpperCase(), ...readSigner(module), levels: readIsvLevels(module, MAX_SVN) };
  });
  assertShape(new Set(modules.map(({ id }) => id)).size === modules.length, MODULES);
  return modules;
}

function readLevel(entry: unknown): PlatformLevel {
  const level = asObject(entry, "tcbLevels");
  const tcb = asObject(level["tcb"], "tcb");
  return {
    sgx: readComponents(tcb, "sgxtcbcomponents"),
    pceSvn: readNumber(tcb, "pcesvn", 0xffff),
    tdx: readComponents(tcb, "tdxtcbcomponents"),
    ...readVerdict(level),
  };
}

function readComponents(tcb: JsonObject, name: string): number[] {
  const svns = readList(tcb, name, COMPONENTS, (component) => readNumber(asObject(component, name), "svn", MAX_SVN));
  assertShape(svns.length === COMPONENTS, name);
  return svns;
}

/** Intel's order: SGX components, then PCESVN, then TDX components, each from the first on. */
function descending(a: PlatformLevel, b: PlatformLevel): number {
  const [first, second] = [a, b].map(({ sgx, pceSvn, tdx }) => [...sgx, pceSvn, ...tdx]);
  const index = first?.findIndex((svn, at) => svn !== second?.[at]) ?? -1;
  return (second?.[index] ?? 0) - (first?.[index] ?? 0);
}
