/** Converts a JSON Schema of an object, as zod and others write it, to the service's flat list of fields. */

import { SchemaError } from "./errors.js";
import type { Field, FieldType } from "./types.js";

export type JsonSchema = { readonly [member: string]: unknown };

/** Examples that imply nothing but the type, for fields without one. */
export const DEFAULT_EXAMPLES: Record<FieldType, unknown> = {
  string: "",
  integer: 1,
  float: 1.5,
  boolean: true,
  date: "2025-01-31",
  "array<string>": [],
  "array<integer>": [],
  "array<float>": [],
};

/** The fields, and the names of nested objects with whether they may be null. */
export interface Flat {
  fields: Field[];
  groups: Map<string, boolean>;
}

const SCALARS: Record<string, FieldType> = {
  string: "string", integer: "integer", number: "float", boolean: "boolean",
};
const UNSUPPORTED_FORMATS = new Set(["date-time", "time", "duration", "binary"]);

export function flatten(schema: JsonSchema): Flat {
  const flat: Flat = { fields: [], groups: new Map() };
  const { spec } = resolve(schema, schema, "schema");
  if (!isObject(spec["properties"])) refuse("schema", "it must be an object with properties");
  read(schema, spec["properties"], "", flat);
  if (flat.fields.length === 0) refuse("schema", "it has no properties");
  return flat;
}

function read(root: JsonSchema, properties: JsonSchema, prefix: string, flat: Flat): void {
  for (const [name, given] of Object.entries(properties)) {
    const path = prefix + name;
    const { spec, nullable } = resolve(root, given, path);
    if (spec["type"] !== "object" && !isObject(spec["properties"])) {
      flat.fields.push(fieldOf(root, path, spec));
      continue;
    }
    if (prefix !== "") refuse(path, "objects may be nested one level deep, not two");
    if (!isObject(spec["properties"]) || Object.keys(spec["properties"]).length === 0) {
      refuse(path, "an object needs named properties; a record with free keys cannot be read");
    }
    flat.groups.set(name, nullable);
    read(root, spec["properties"], `${path}.`, flat);
  }
}

function fieldOf(root: JsonSchema, path: string, spec: JsonSchema): Field {
  const type = typeOf(root, path, spec);
  const field: Field = { field: path, type, example: exampleOf(spec) ?? DEFAULT_EXAMPLES[type] };
  if (typeof spec["description"] === "string") field.hint = spec["description"];
  if (typeof spec["selector"] === "string") field.selector = spec["selector"];
  return field;
}

function typeOf(root: JsonSchema, path: string, spec: JsonSchema): FieldType {
  const { type, format, items } = spec;
  if (type === "array") {
    if (!isObject(items)) refuse(path, "an array needs one type of items");
    const inner = typeOf(root, `${path}[]`, resolve(root, items, `${path}[]`).spec);
    if (inner !== "string" && inner !== "integer" && inner !== "float") {
      refuse(path, `an array of ${inner} cannot be read; arrays can be of string, integer or number`);
    }
    return `array<${inner}>`;
  }
  if (type === "string" && format === "date") return "date";
  if (type === "string" && UNSUPPORTED_FORMATS.has(String(format))) {
    refuse(path, `a ${String(format)} cannot be read; use a date or a string`);
  }
  const scalar = typeof type === "string" ? SCALARS[type] : undefined;
  if (scalar === undefined) {
    refuse(path, "this type cannot be read from a page; use string, integer, number, boolean, " +
      "a string with format date, arrays of the first three, any of them or null, and an object of these");
  }
  return scalar;
}

function exampleOf(spec: JsonSchema): unknown {
  const { examples, default: standard, enum: values } = spec;
  if (Array.isArray(examples) && examples[0] != null) return examples[0];
  if (standard != null) return standard;
  return Array.isArray(values) ? values.find((value) => value !== null) : undefined;
}

/** Resolves references and removes null; returns the schema and whether it may be null. */
function resolve(root: JsonSchema, given: unknown, path: string): { spec: JsonSchema; nullable: boolean } {
  if (!isObject(given)) refuse(path, "this is not a schema");
  let spec = given;
  let nullable = false;
  for (let turn = 0; ; turn++) {
    if (turn > 32) refuse(path, "its references are circular");
    const { $ref, anyOf, oneOf, allOf, ...rest } = spec;
    const choices = anyOf ?? oneOf;
    if (typeof $ref === "string") {
      const { $ref: _, ...others } = spec;
      spec = { ...target(root, $ref, path), ...others };
    } else if (Array.isArray(allOf) && allOf.length === 1 && isObject(allOf[0])) {
      spec = { ...allOf[0], ...rest };
    } else if (Array.isArray(choices)) {
      const left = choices.filter((choice) => choice?.type !== "null");
      nullable ||= left.length < choices.length;
      spec = { ...singleType(left, path), ...rest };
    } else {
      break;
    }
  }
  if (Array.isArray(spec["type"])) {
    const left = spec["type"].filter((name) => name !== "null");
    nullable ||= left.length < spec["type"].length;
    spec = { ...spec, type: singleType(left.map((type) => ({ type })), path)["type"] };
  }
  if ("const" in spec) spec = { enum: [spec["const"]], ...spec };
  if (spec["type"] === undefined && Array.isArray(spec["enum"])) spec = { ...spec, type: kindOf(spec["enum"]) };
  return { spec, nullable };
}

function target(root: JsonSchema, reference: string, path: string): JsonSchema {
  let found: unknown = reference.startsWith("#/") ? root : undefined;
  for (const part of reference.slice(2).split("/")) found = isObject(found) ? found[part] : undefined;
  if (!isObject(found)) refuse(path, `its reference ${reference} cannot be resolved`);
  return found;
}

function singleType(choices: unknown[], path: string): JsonSchema {
  const [one] = choices;
  if (choices.length !== 1 || !isObject(one)) refuse(path, "a union of several types cannot be read; only one type or null can");
  return one;
}

function kindOf(values: unknown[]): string | undefined {
  const kinds = new Set(values.filter((value) => value !== null).map((value) => typeof value));
  const [kind] = kinds;
  return kinds.size === 1 ? kind : undefined;
}

export function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(path: string, why: string): never {
  throw new SchemaError(`${path}: ${why}`, { code: "SCHEMA_INVALID" });
}
