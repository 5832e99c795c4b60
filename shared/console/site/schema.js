// Converts a schema between rows of a form and the API's format.

export const TYPES = ["string", "integer", "float", "boolean", "date", "array<string>", "array<integer>", "array<float>"];

export const EXAMPLES = {
  string: "A title",
  integer: "42",
  float: "9.99",
  boolean: "true",
  date: "2026-01-31",
  "array<string>": "red, green",
  "array<integer>": "1, 2",
  "array<float>": "1.5, 2.5",
};

let lastId = 0;

// A row. `id` identifies it while its name changes.
export const row = (field = "", type = "string", example = "", hint = "", selector = "") => ({
  id: ++lastId, field, type, example, hint, selector,
});

// Reads an example as its type; returns undefined if it cannot be read.
function exampleOf(type, text) {
  const trimmed = text.trim();
  if (type.startsWith("array<")) {
    const items = trimmed.split(",").map((item) => exampleOf(type.slice(6, -1), item)).filter((item) => item !== "");
    return items.length && !items.includes(undefined) ? items : undefined;
  }
  if (trimmed === "") return undefined;
  if (type === "integer") return /^[+-]?\d+$/.test(trimmed) ? Number(trimmed) : undefined;
  if (type === "float") return Number.isFinite(Number(trimmed)) ? Number(trimmed) : undefined;
  if (type === "boolean") return { true: true, false: false }[trimmed.toLowerCase()];
  if (type === "date") return /^\d{4}-\d{2}-\d{2}$/.test(trimmed) ? trimmed : undefined;
  return trimmed;
}

// Returns the schema in the API's format, and the problem of each row by its id.
export function fromRows(rows) {
  const problems = {};
  const names = rows.map(({ field }) => field.trim());
  const schema = rows.map(({ id, type, example, hint, selector }, at) => {
    const field = names[at];
    const value = exampleOf(type, example.trim() === "" ? EXAMPLES[type] : example);
    if (!field) problems[id] = "A field needs a name.";
    else if (names.indexOf(field) !== at) problems[id] = `“${field}” is used twice.`;
    else if (value === undefined) problems[id] = `The example is not a valid ${type}.`;
    return {
      field, type, example: value ?? null,
      ...(hint.trim() ? { hint: hint.trim() } : {}),
      ...(selector.trim() ? { selector: selector.trim() } : {}),
    };
  });
  return { schema, problems };
}

const text = (value) => (value === undefined || value === null ? "" : Array.isArray(value) ? value.join(", ") : String(value));

// Returns the rows of a schema in the API's format or of a flat JSON Schema. Throws a readable error if it is neither.
export function toRows(schema) {
  if (Array.isArray(schema)) {
    return schema.map((field) => row(text(field?.field), TYPES.includes(field?.type) ? field.type : "string",
      text(field?.example), text(field?.hint), text(field?.selector)));
  }
  if (schema && typeof schema.properties === "object") {
    return Object.entries(schema.properties).map(([name, property]) => {
      const type = typeOf(property);
      return row(name, type, text(property?.examples?.[0] ?? property?.default), text(property?.description));
    });
  }
  throw new Error("A schema must be a list of fields, or a JSON Schema with “properties”.");
}

function typeOf(property) {
  const declared = [property?.type].flat().find((type) => type && type !== "null") ?? "string";
  if (declared === "array") {
    const items = typeOf(property.items ?? {});
    return { integer: "array<integer>", float: "array<float>" }[items] ?? "array<string>";
  }
  if (declared === "string") return ["date", "date-time"].includes(property?.format) ? "date" : "string";
  return { integer: "integer", number: "float", boolean: "boolean" }[declared] ?? "string";
}

// Guesses a schema from results: names as they are, types from the values.
export function guessSchema(results) {
  const rows = new Map();
  for (const { data } of results) {
    for (const [name, value] of Object.entries(data ?? {})) {
      const known = rows.get(name);
      if (!known || (known.hasValue === false && value !== null)) rows.set(name, guessRow(name, value));
    }
  }
  return [...rows.values()].map(({ hasValue, ...rest }) => rest);
}

function guessRow(name, value) {
  const item = Array.isArray(value) ? value[0] : value;
  const plain = typeof item === "number" ? (Number.isInteger(item) ? "integer" : "float")
    : typeof item === "boolean" ? "boolean"
      : /^\d{4}-\d{2}-\d{2}$/.test(item ?? "") ? "date" : "string";
  const type = !Array.isArray(value) ? plain : plain === "integer" || plain === "float" ? `array<${plain}>` : "array<string>";
  return { ...row(name, type, text(value).slice(0, 100)), hasValue: item !== null && item !== undefined };
}
