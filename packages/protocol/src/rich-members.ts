import { isAbsent, isJsonObject, type JsonObject } from "./chat-fields.ts";
import { WireError } from "./errors.ts";
import { assertKnown, FORMAT_MEMBERS, FUNCTION_MEMBERS, TOOL_MEMBERS } from "./request-members.ts";
import type { ResponseFormat, Tool, ToolChoice } from "./rich-chat.ts";

/** A schema is handed on as it is, so it is bounded as a whole: what writes it again must not run out of stack. */
const MAX_SCHEMA = { depth: 64, values: 20_000 } as const;
/** Members of a schema that name another one. */
const REFERENCES = ["$ref", "$dynamicRef", "$recursiveRef"] as const;
const MAX_TOOLS = 128;
const MAX_DESCRIPTION_CHARACTERS = 64 * 1024;
/** Names of functions and schemas: OpenAI's alphabet, and the dots and colons that tool servers put between. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$/;

const invalid = (param: string) => new WireError("invalid_field", { param });

/** What each optional member of a named definition may hold. */
const DEFINITION = {
  description: (value: unknown) => typeof value === "string" && value.length <= MAX_DESCRIPTION_CHARACTERS,
  strict: (value: unknown) => typeof value === "boolean",
} as const;

/** The members that a tool and a schema share. */
interface Definition {
  readonly name: string;
  readonly description?: string;
  readonly strict?: boolean;
}

function parseDefinition(value: JsonObject, param: string): Definition {
  const name = value["name"];
  if (name === undefined) throw new WireError("missing_field", { param: `${param}.name` });
  if (typeof name !== "string" || !NAME.test(name)) throw invalid(`${param}.name`);
  const optional = Object.entries(DEFINITION).flatMap(([member, test]) => {
    const found = value[member];
    if (found === undefined || found === null) return [];
    if (!test(found)) throw invalid(`${param}.${member}`);
    return [[member, found] as const];
  });
  return { name, ...Object.fromEntries(optional) };
}

/**
 * Reads `tools`. @returns undefined for none
 * @throws {WireError} naming the member
 */
export function parseTools(tools: unknown): readonly Tool[] | undefined {
  if (isAbsent(tools)) return undefined;
  if (!Array.isArray(tools) || tools.length > MAX_TOOLS) throw invalid("tools");
  const names = new Set<string>();
  return tools.map((tool: unknown, i) => {
    const param = `tools[${i}]`;
    if (!isJsonObject(tool)) throw invalid(param);
    // Tools that the server itself runs would send the prompt elsewhere.
    if (tool["type"] !== "function") throw new WireError("unsupported_field", { param: `${param}.type` });
    assertKnown(tool, TOOL_MEMBERS, param);
    const described = tool["function"];
    if (!isJsonObject(described)) throw invalid(`${param}.function`);
    assertKnown(described, FUNCTION_MEMBERS, `${param}.function`);
    const definition = parseDefinition(described, `${param}.function`);
    if (names.has(definition.name)) throw invalid(`${param}.function.name`);
    names.add(definition.name);
    const parameters = parseSchema(described["parameters"], `${param}.function.parameters`);
    return { ...definition, ...(parameters && { parameters }) };
  });
}

/**
 * Reads `tool_choice`, which says nothing where there are no tools to choose from.
 * @throws {WireError} also for a choice of what is not among the tools
 */
export function parseToolChoice(choice: unknown, tools: readonly Tool[] | undefined): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === "none" || choice === "auto") return tools && choice;
  if (choice === "required" && tools) return choice;
  const named = isJsonObject(choice) && choice["type"] === "function" && isJsonObject(choice["function"]) ? choice["function"] : undefined;
  const tool = tools?.find(({ name }) => name === named?.["name"]);
  if (!tool) throw invalid("tool_choice");
  return { name: tool.name };
}

/**
 * Reads `response_format`. @returns undefined for plain text
 * @throws {WireError} naming the member
 */
export function parseResponseFormat(format: unknown): ResponseFormat | undefined {
  if (format === undefined || format === null) return undefined;
  if (!isJsonObject(format)) throw invalid("response_format");
  switch (format["type"]) {
    case "text":
      return undefined;
    case "json_object":
      return { type: "json_object" };
    case "json_schema": {
      const param = "response_format.json_schema";
      const described = format["json_schema"];
      if (!isJsonObject(described)) throw invalid(param);
      assertKnown(described, FORMAT_MEMBERS, param);
      const schema = parseSchema(described["schema"], `${param}.schema`);
      return { type: "json_schema", ...parseDefinition(described, param), ...(schema && { schema }) };
    }
    default:
      throw new WireError("unsupported_field", { param: "response_format.type" });
  }
}

/**
 * A JSON Schema: any JSON object that is neither too deep nor too large, and refers to nothing outside itself.
 * An engine that followed such a reference would tell somebody that it was asked.
 */
function parseSchema(schema: unknown, param: string): JsonObject | undefined {
  if (schema === undefined || schema === null) return undefined;
  if (!isJsonObject(schema)) throw invalid(param);
  let values = 0;
  // By level and without recursion: what is too deep must not be what breaks the check.
  let level: readonly unknown[] = [schema];
  for (let depth = 0; level.length > 0; depth++) {
    values += level.length;
    if (depth > MAX_SCHEMA.depth || values > MAX_SCHEMA.values) throw invalid(param);
    level = level.flatMap((value) => {
      if (typeof value !== "object" || value === null) return [];
      for (const member of REFERENCES) {
        const reference = (value as JsonObject)[member];
        if (typeof reference === "string" && !reference.startsWith("#")) throw invalid(param);
      }
      return Object.values(value);
    });
  }
  return schema;
}
