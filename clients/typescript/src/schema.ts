/** Schemas: converts the caller's schema to the service's flat list of fields, and rows to the caller's type. */

import { SchemaError } from "./errors.js";
import { type Flat, flatten, isObject, type JsonSchema, DEFAULT_EXAMPLES } from "./json_schema.js";
import type { Field, FieldType, Result, Row } from "./types.js";

/** A schema of zod (4.2 or newer) or of another library that implements Standard Schema and its JSON Schema. */
export interface TypedSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Validated | Promise<Validated>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

interface Validated {
  readonly value?: unknown;
  readonly issues?: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] | undefined;
}

/** `{ title: "string", price: { type: "float", example: 9.99, hint: "the current price" } }` */
export type ShortSchema = { readonly [field: string]: FieldType | (Omit<Field, "field" | "example"> & { example?: unknown }) };

/** A typed schema, a list of fields, a JSON Schema of an object, or the short form; none for a key that has one bound. */
export type Schema = TypedSchema | readonly Field[] | JsonSchema | ShortSchema | null | undefined;

/** The type of a schema's rows. */
export type RowOf<S> = S extends TypedSchema ? NonNullable<S["~standard"]["types"]>["output"] : Row;

/** A schema as it is sent, and how to convert the rows that come back. */
export class Shape<T> {
  readonly fields: readonly Field[] | undefined;
  readonly #typed: TypedSchema | undefined;
  readonly #groups: Flat["groups"];

  constructor(fields?: readonly Field[], typed?: TypedSchema, groups: Flat["groups"] = new Map()) {
    this.fields = fields;
    this.#typed = typed;
    this.#groups = groups;
  }

  /** Converts a result from the wire to the caller's type. */
  async result(wire: Result<Row>): Promise<Result<T>> {
    if (wire.status !== "success" || this.#typed === undefined) return wire as Result<T>;
    const found = await this.#typed["~standard"].validate(this.#nest(wire.data));
    if (!found.issues) return { ...wire, data: found.value as T };
    const messages = found.issues.map((issue) => `${(issue.path ?? []).map(pathPart).join(".")}: ${issue.message}`);
    const { url, index, final_url, attempts, data } = wire;
    const page = Object.fromEntries(Object.entries({ index, final_url, attempts }).filter(([, value]) => value !== undefined));
    const error = { code: "MODEL_MISMATCH", message: messages.join("; "), retryable: false };
    return { status: "error", url, ...page, error, data };
  }

  #nest(data: Row): Row {
    const nested: Row = {};
    for (const [name, value] of Object.entries(data)) {
      const dot = name.indexOf(".");
      const group = name.slice(0, dot);
      if (dot > 0 && this.#groups.has(group)) {
        nested[group] = { ...(nested[group] as Row), [name.slice(dot + 1)]: value };
      } else {
        nested[name] = value;
      }
    }
    for (const [group, nullable] of this.#groups) {
      const values = Object.values(nested[group] ?? {});
      const isEmpty = values.every((value) => value === null || (Array.isArray(value) && value.length === 0));
      if (nullable && isEmpty) nested[group] = null;
    }
    return nested;
  }
}

/** Converts a caller's schema. */
export function shapeOf<S extends Schema>(schema: S): Shape<RowOf<S>> {
  if (schema == null) return new Shape();
  if (Array.isArray(schema)) return new Shape(schema as Field[]);
  if ("~standard" in schema) return ofTyped(schema as TypedSchema);
  if (!isObject(schema)) throw new SchemaError("a schema must be an object or an array of fields", { code: "SCHEMA_INVALID" });
  if (isObject(schema["properties"])) return new Shape(flatten(schema).fields);
  return new Shape(Object.entries(schema).map(([name, spec]) => shortFormField(name, spec)));
}

function ofTyped<T>(typed: TypedSchema): Shape<T> {
  const standard = typed["~standard"] as TypedSchema["~standard"] & {
    jsonSchema?: { input(options: { target: string }): JsonSchema };
  };
  if (standard.jsonSchema === undefined) {
    const text = `this version of ${standard.vendor} cannot export a JSON Schema (zod can from 4.2 on); ` +
      "pass a JSON Schema or a list of fields";
    throw new SchemaError(text, { code: "SCHEMA_INVALID" });
  }
  let described: JsonSchema;
  try {
    described = standard.jsonSchema.input({ target: "draft-2020-12" });
  } catch (cause) {
    const text = `the schema cannot be converted: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new SchemaError(text, { code: "SCHEMA_INVALID", cause });
  }
  const { fields, groups } = flatten(described);
  return new Shape(fields, typed, groups);
}

function shortFormField(name: string, spec: unknown): Field {
  const members = typeof spec === "string" ? { type: spec } : spec;
  if (!isObject(members)) {
    throw new SchemaError(`${name}: give a type such as "float", or an object with "type"`, { code: "SCHEMA_INVALID" });
  }
  const field = { field: name, ...members } as unknown as Field;
  return { ...field, example: field.example ?? DEFAULT_EXAMPLES[field.type] ?? "" };
}

function pathPart(part: unknown): string {
  return String(isObject(part) ? part["key"] : part);
}
