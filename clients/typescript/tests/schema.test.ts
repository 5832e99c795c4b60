/** Schemas: how they are converted, and which messages refuse the others. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SchemaError } from "runo";
import { z } from "zod";
import { shapeOf } from "../dist/schema.js";

const Product = z.object({
  title: z.string().describe("the product's name").meta({ examples: ["A kettle", "Another"] }),
  price: z.number().nullable().meta({ selector: ".price" }),
  stock: z.int().default(3),
  available: z.boolean().nullish(),
  released: z.iso.date().nullable(),
  tags: z.array(z.string()),
  ratings: z.array(z.number()).nullable(),
  size: z.enum(["S", "M"]),
  offer: z.object({ price: z.number().nullable(), currency: z.string().nullable() }).nullable(),
});

const ROW = { title: "Kettle", price: 1, stock: 1, available: null, released: null, tags: [], ratings: [], size: "S" };
const success = (data: Record<string, unknown>) =>
  ({ status: "success", url: "u", render_mode: "fetch", images_processed: null, data }) as const;

test("a zod schema becomes fields", () => {
  assert.deepEqual(shapeOf(Product).fields, [
    { field: "title", type: "string", example: "A kettle", hint: "the product's name" },
    { field: "price", type: "float", example: 1.5, selector: ".price" },
    { field: "stock", type: "integer", example: 3 },
    { field: "available", type: "boolean", example: true },
    { field: "released", type: "date", example: "2025-01-31" },
    { field: "tags", type: "array<string>", example: [] },
    { field: "ratings", type: "array<float>", example: [] },
    { field: "size", type: "string", example: "S" },
    { field: "offer.price", type: "float", example: 1.5 },
    { field: "offer.currency", type: "string", example: "" },
  ]);
});

test("rows are validated, nested objects too, and a row that does not fit is a failure", async () => {
  const shape = shapeOf(Product);
  const good = await shape.result(success({ ...ROW, "offer.price": 2, "offer.currency": null }));
  assert(good.status === "success");
  assert.deepEqual(good.data.offer, { price: 2, currency: null });
  const none = await shape.result(success({ ...ROW, "offer.price": null, "offer.currency": null }));
  assert(none.status === "success" && none.data.offer === null);
  const bad = await shape.result(success({ ...ROW, title: null, "offer.price": 2, "offer.currency": null }));
  assert(bad.status === "error");
  assert.equal(bad.error.code, "MODEL_MISMATCH");
  assert.match(bad.error.message, /^title: /);
  assert.equal(bad.data?.["stock"], 1);
});

test("short forms and JSON Schemas become fields", () => {
  const short = { title: "string", price: { type: "float", example: 9.99, hint: "now" } } as const;
  assert.deepEqual(shapeOf(short).fields, [
    { field: "title", type: "string", example: "" },
    { field: "price", type: "float", example: 9.99, hint: "now" },
  ]);
  const described = {
    type: "object",
    properties: {
      title: { type: ["string", "null"], default: "x" },
      on: { anyOf: [{ $ref: "#/$defs/Day" }, { type: "null" }] },
      n: { const: 3, type: "integer" },
    },
    $defs: { Day: { type: "string", format: "date" } },
  };
  assert.deepEqual(shapeOf(described).fields, [
    { field: "title", type: "string", example: "x" },
    { field: "on", type: "date", example: "2025-01-31" },
    { field: "n", type: "integer", example: 3 },
  ]);
  assert.equal(shapeOf(undefined).fields, undefined);
});

test("a type that cannot be converted is named", () => {
  const cases: [z.ZodType, RegExp][] = [
    [z.iso.datetime(), /bad: a date-time cannot be read/],
    [z.record(z.string(), z.string()), /bad: an object needs named properties/],
    [z.array(z.iso.date()), /bad: an array of date cannot be read/],
    [z.array(z.boolean()), /bad: an array of boolean cannot be read/],
    [z.array(z.object({ a: z.string() })), /bad\[\]: this type cannot be read/],
    [z.union([z.string(), z.number()]), /bad: a union of several types/],
    [z.object({ a: z.object({ b: z.string() }) }), /bad\.a: objects may be nested one level deep/],
    [z.any(), /bad: this type cannot be read/],
    [z.date(), /cannot be converted: Date cannot be represented/],
  ];
  for (const [bad, words] of cases) {
    assert.throws(() => shapeOf(z.object({ bad })), (error) => error instanceof SchemaError && words.test(error.message));
  }
  const old = { "~standard": { version: 1, vendor: "zod", validate: () => ({ value: 1 }) } } as const;
  assert.throws(() => shapeOf(old), /zod can from 4.2 on/);
  assert.throws(() => shapeOf({ title: 3 } as never), /title: give a type/);
  assert.throws(() => shapeOf(z.string()), SchemaError);
});

