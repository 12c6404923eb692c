import { consistencySchema, type SchemaPart } from "./contradictions.ts";
import { DATE_PATTERN } from "./policy-date.ts";
import { type Member, POLICY_SHAPE, type Shape } from "./policy-shape.ts";

/**
 * Describes policy files to editors and other tools, as JSON Schema 2020-12. Made from the table that the parser reads
 * by; the parser is stricter only where JSON Schema has no words: days that no calendar has, an expiry before the date,
 * one digest in both cases.
 * @see spec/policy.schema.json
 */
export function createPolicySchema(): SchemaPart {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Bauta policy",
    description: "Which enclaves are acceptable: reference values of builds, and rules for platform and GPUs. The same in JSON and YAML.",
    ...schemaOf(POLICY_SHAPE),
    allOf: consistencySchema(),
  };
}

function schemaOf(shape: Shape): SchemaPart {
  switch (shape.kind) {
    case "object": {
      const members = Object.entries(shape.members);
      return {
        type: "object",
        additionalProperties: false,
        ...requiredOf(members),
        properties: Object.fromEntries(members.map(([name, member]) => [name, describe(member)])),
        ...(shape.oneOf && { anyOf: shape.oneOf.map((name) => ({ required: [name] })) }),
      };
    }
    case "list":
      return {
        type: "array",
        ...(shape.min > 0 && { minItems: shape.min }),
        maxItems: shape.max,
        ...(shape.distinct && { uniqueItems: true }),
        items: schemaOf(shape.of),
      };
    case "text":
      return { type: "string", minLength: 1, maxLength: shape.maxCharacters };
    case "hex":
      return { type: "string", pattern: `^[0-9a-fA-F]{${shape.digits}}$` };
    case "date":
      return { type: "string", pattern: DATE_PATTERN };
    case "pattern":
      return { type: "string", pattern: shape.pattern, examples: [shape.example] };
    case "choice":
      return { enum: shape.values };
    case "integer":
      return { type: "integer", minimum: shape.min, maximum: shape.max };
    case "flag":
      return { type: "boolean" };
    default:
      return { const: shape.value };
  }
}

function requiredOf(members: readonly (readonly [string, Member])[]): SchemaPart {
  const required = members.filter(([, { optional, fallback }]) => !optional && fallback === undefined).map(([name]) => name);
  return required.length > 0 ? { required } : {};
}

function describe({ shape, about, fallback }: Member): SchemaPart {
  return { description: about, ...schemaOf(shape), ...(fallback !== undefined && { default: fallback }) };
}
